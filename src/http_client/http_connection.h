// HTTP/1.1 as a client, over TCP, TLS or a Unix socket: one exchange at a time over a connection that is kept
// for the next. In coroutines; http_session.h is for everybody else.
#pragma once
#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <memory>

#include "http_client/http.h"

namespace ferrum::http_client {

class HttpConnection {
 public:
  virtual ~HttpConnection() = default;

  // Gives parts of the body to `on_body` as they come. Connects where that has to be; a connection that the
  // server closed while it was idle is made once more. Throws HttpFault, and what `on_body` throws: then the
  // rest of the body is not read.
  virtual boost::asio::awaitable<HttpHead> exchange(const HttpCall& call, const OnBody& on_body) = 0;
  // Ends what is under way, with a HttpFault.
  virtual void close() = 0;
};

}  // namespace ferrum::http_client
