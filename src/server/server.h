// The server: routes of HTTP to an engine's public interface.
#pragma once
#include <memory>
#include <string>
#include <vector>

#include "ferrum/engine.h"
#include "server/api/fields.h"
#include "server/http/http_server.h"
#include "server/model_pool.h"

namespace ferrum::server {

struct ServerOptions {
  HttpOptions http;
  std::vector<std::string> api_keys;  // any of them is asked for on every route but /health; none: nobody is
  std::vector<std::string> allowed_origins;  // of web pages that may call: "https://a.example", or "*"
  double request_timeout = 0;                // seconds; 0: none
  size_t max_response_bytes = 64 << 20;      // of answers of /v1/responses that are kept for later requests
  ModelPool::Options models;
  // kRefused: fields that would have no effect are refused instead of being named in X-Ferrum-Ignored.
  Hints hints = Hints::kReported;
  bool show_running = false;  // GET /running lists the requests that are being answered
};

class Server {
 public:
  // Listens at once; answers 503 until models() has one. Errors: those of HttpServer.
  explicit Server(const ServerOptions& options);
  ~Server();

  ModelPool& models();      // what is served; from any thread
  int connections() const;  // of clients
  std::string url() const;  // "http://127.0.0.1:8000"
  void run();               // until stop()
  // No new requests; those under way are finished, for `patience` at most. From any thread.
  void stop(std::chrono::seconds patience);

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace ferrum::server
