// HTTP/1.1 over TCP, TLS or a Unix socket: reads requests within limits, passes each to the handler, and
// keeps the connection open for the next one. A connection is a coroutine, not a thread.
#pragma once
#include <boost/asio/awaitable.hpp>
#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <string>

#include "server/http/message.h"
#include "server/http/responder.h"

namespace ferrum::server {

struct HttpOptions {
  std::string host = "127.0.0.1";  // an address, a name, or "unix:/path/of/socket"
  int port = 8000;                 // 0: any free port
  std::string tls_certificate;     // PEM files; either both or neither
  std::string tls_key;
  int threads = 1;
  size_t max_header_bytes = 32 << 10;               // including the request line; if exceeded: 431
  size_t max_body_bytes = 32 << 20;                 // if exceeded: 413
  int max_connections = 4096;                       // further connections wait to be accepted
  std::chrono::milliseconds read_timeout{30'000};   // of a request, from its first byte; if exceeded: 408
  std::chrono::milliseconds idle_timeout{75'000};   // between requests
  std::chrono::milliseconds write_timeout{30'000};  // of one write to a client that does not read
};

class HttpServer {
 public:
  // Responds to one request, which it may modify. An exception becomes a 500, or closes the connection if the
  // response has begun.
  using Handler = std::function<boost::asio::awaitable<void>(HttpRequest&, Responder&)>;
  // Called from any thread with the status of each request that is refused before it reaches the handler.
  using OnFault = std::function<void(int status)>;

  // Listens. Throws kBadArgument for an empty host or path, or a path that is too long for a Unix socket; kIo
  // naming the address; kBadFile for a certificate or key.
  HttpServer(const HttpOptions& options, Handler handler, OnFault on_fault = {});
  ~HttpServer();

  int port() const;          // 0 for a Unix socket
  bool is_loopback() const;  // whether only this machine can reach it
  int connections() const;

  // Serves until stop() was called and all responses have ended, or `patience` is over.
  void run();
  // Thread-safe. Refuses new connections and closes idle ones; responses that have begun continue until
  // Responder::time_is_up.
  void stop(std::chrono::seconds patience);

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace ferrum::server
