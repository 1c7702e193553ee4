// One connection: its requests one after the other.
#pragma once
#include <atomic>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/beast/core/basic_stream.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/ssl/ssl_stream.hpp>

#include "server/http/http_server.h"

namespace ferrum::server {

// What the connections of a server have in common.
struct Service {
  const HttpOptions& options;
  HttpServer::Handler handler;
  std::atomic<int> connections = 0;
  std::atomic<int> answering = 0;
  std::atomic<bool> draining = false;
};

boost::asio::awaitable<void> serve(boost::beast::tcp_stream stream, Service& service);
boost::asio::awaitable<void> serve(boost::beast::basic_stream<boost::asio::local::stream_protocol> stream,
                                   Service& service);
boost::asio::awaitable<void> serve_tls(boost::beast::ssl_stream<boost::beast::tcp_stream> stream,
                                       Service& service);

}  // namespace ferrum::server
