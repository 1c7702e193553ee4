// One connection: its requests one after the other.
#pragma once
#include <atomic>
#include <boost/asio/awaitable.hpp>
#include <memory>

#include "server/http/byte_stream.h"
#include "server/http/http_server.h"

namespace ferrum::server {

// What the connections of a server have in common.
struct Service {
  const HttpOptions& options;
  HttpServer::Handler handler;
  std::atomic<int> connections = 0;
  std::atomic<int> answering = 0;
  std::atomic<bool> draining = false;
  std::atomic<bool> time_is_up = false;
};

boost::asio::awaitable<void> serve(std::unique_ptr<ByteStream> stream, Service& service);

}  // namespace ferrum::server
