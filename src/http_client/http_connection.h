// Asynchronous HTTP/1.1 client over TCP, TLS or a Unix socket: one exchange at a time over a keep-alive
// connection, as coroutines. http_session.h is the blocking client.
#pragma once
#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <memory>

#include "http_client/http.h"

namespace ferrum::http_client {

class HttpConnection {
 public:
  virtual ~HttpConnection() = default;

  // Passes the body to `on_body` in chunks. Connects if necessary, and reconnects once if the server closed
  // the idle connection. Throws HttpFault, and any exception of `on_body`, after which the rest of the body
  // is not read.
  virtual boost::asio::awaitable<HttpHead> exchange(const HttpCall& call, const OnBody& on_body) = 0;
  // Aborts the exchange in progress, which then throws HttpFault.
  virtual void close() = 0;
};

}  // namespace ferrum::http_client
