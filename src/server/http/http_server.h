// HTTP/1.1 over TCP, TLS or a Unix socket: reads requests within limits, gives each to the handler, keeps the
// connection for the next. No thread for a connection: coroutines on as many threads as are asked for.
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
  int port = 8000;                 // 0: any that is free
  std::string tls_certificate;     // files in PEM, both or none
  std::string tls_key;
  int threads = 1;
  size_t max_header_bytes = 32 << 10;               // request line included: more is 431
  size_t max_body_bytes = 32 << 20;                 // more is 413
  int max_connections = 4096;                       // more wait to be accepted
  std::chrono::milliseconds read_timeout{30'000};   // for a request, once it has begun: more is 408
  std::chrono::milliseconds idle_timeout{75'000};   // between requests
  std::chrono::milliseconds write_timeout{30'000};  // for a part that a slow reader does not take
};

class HttpServer {
 public:
  // Answers one request. What it throws is a 500, or the connection's end if the answer had begun.
  using Handler = std::function<boost::asio::awaitable<void>(const HttpRequest&, Responder&)>;

  // Listens. Throws Error kIo naming the address, kBadFile for a certificate or key.
  HttpServer(const HttpOptions& options, Handler handler);
  ~HttpServer();

  int port() const;  // that it listens at; 0 for a Unix socket
  int connections() const;

  // Serves until stop() was called and no request is being answered any more, or `patience` is over.
  void run();
  // From any thread. New connections are refused, idle ones closed; answers that are under way go on until
  // Responder::time_is_up.
  void stop(std::chrono::seconds patience);

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace ferrum::server
