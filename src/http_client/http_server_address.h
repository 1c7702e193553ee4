// A resolved server address.
#pragma once
#include <memory>

#include "http_client/http.h"

namespace boost::asio {
class any_io_executor;
}

namespace ferrum::http_client {

class HttpConnection;

// A server's address, resolved once, and the state that its connections share.
class HttpServerAddress {
 public:
  // Errors kIo for a name that is not known (of the server, or its proxy) and kBadFile for certificates that
  // cannot be read.
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

}  // namespace ferrum::http_client
