// A resolved server address.
#pragma once
#include <memory>
#include <string>

#include "http_client/http.h"

namespace boost::asio {
class any_io_executor;
}

namespace ferrum::http_client {

class HttpConnection;

// A server's address, resolved once, and the state that its connections share.
class HttpServerAddress {
 public:
  // Throws kIo if the name of the server or its proxy cannot be resolved, and kBadFile if certificates cannot
  // be read.
  explicit HttpServerAddress(ServerOptions options);
  ~HttpServerAddress();
  HttpServerAddress(const HttpServerAddress&) = delete;
  HttpServerAddress& operator=(const HttpServerAddress&) = delete;

  // The address must outlive the connection.
  std::unique_ptr<HttpConnection> connection(const boost::asio::any_io_executor& executor) const;
  const ServerOptions& options() const;
  // The first of its addresses that the public Internet does not route: one of this machine, a link, a
  // private or a shared network (RFC 6890). Empty: none. Behind a proxy, which does its own lookups, only a
  // host that is written as an address is known.
  std::string private_address() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace ferrum::http_client
