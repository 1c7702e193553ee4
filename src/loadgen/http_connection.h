// HTTP/1.1 as a client, over TCP, TLS or a Unix socket: one exchange at a time over a connection that is kept
// for the next.
#pragma once
#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <chrono>
#include <functional>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>

#include "loadgen/endpoint.h"

namespace ferrum::loadgen {

struct ServerOptions {
  Endpoint endpoint;
  std::string api_key;  // empty: none
  std::string ca_file;  // certificates in PEM that are trusted; empty: the system's
  enum class Certificates { kChecked, kTrusted } certificates = Certificates::kChecked;
  std::chrono::milliseconds timeout = std::chrono::minutes(10);  // of an exchange, connecting included
};

struct HttpHead {
  int status = 0;
  std::string content_type;
};

struct HttpCall {
  std::string method;  // "GET"
  std::string path;    // below the endpoint's base
  std::string body;    // JSON, of a POST
};

// Why there was no answer, or no whole one.
class HttpFault : public std::runtime_error {
 public:
  enum class Kind { kConnection, kTimeout, kDisconnect, kMalformed };
  HttpFault(Kind kind, const std::string& what) : std::runtime_error(what), kind_(kind) {}
  Kind kind() const { return kind_; }

 private:
  Kind kind_;
};

class HttpConnection {
 public:
  virtual ~HttpConnection() = default;

  // Gives parts of the body to `on_body` as they come. Connects where that has to be; a connection that the
  // server closed while it was idle is made once more. Throws HttpFault.
  using OnBody = std::function<void(const HttpHead& head, std::string_view part)>;
  virtual boost::asio::awaitable<HttpHead> exchange(const HttpCall& call, const OnBody& on_body) = 0;
};

// A server's address, looked up once, and what its connections have in common.
class HttpServerAddress {
 public:
  // Errors kIo for a name that is not known and kBadFile for certificates that cannot be read.
  explicit HttpServerAddress(ServerOptions options);
  ~HttpServerAddress();
  HttpServerAddress(const HttpServerAddress&) = delete;
  HttpServerAddress& operator=(const HttpServerAddress&) = delete;

  // The address must outlive it.
  std::unique_ptr<HttpConnection> connection(const boost::asio::any_io_executor& executor) const;
  const ServerOptions& options() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace ferrum::loadgen
