// One connection. Its requests are served one after the other.
#pragma once
#include <atomic>
#include <boost/asio/awaitable.hpp>
#include <memory>

#include "server/http/byte_stream.h"
#include "server/http/http_server.h"

namespace ferrum::server {

// The state that a server's connections share.
struct Service {
  const HttpOptions& options;
  HttpServer::Handler handler;
  HttpServer::OnFault on_fault;  // may be empty
  std::atomic<int> connections = 0;
  std::atomic<int> answering = 0;
  std::atomic<bool> draining = false;
  std::atomic<bool> time_is_up = false;
};

boost::asio::awaitable<void> serve(std::unique_ptr<ByteStream> stream, Service& service);

}  // namespace ferrum::server
