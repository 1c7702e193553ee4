// The server: HTTP routes to an engine's public interface.
#pragma once
#include <chrono>
#include <functional>
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
  // Every route but /health and the page requires one of these keys; none: no route requires a key.
  std::vector<std::string> api_keys;
  std::vector<std::string> allowed_origins;  // of web pages that may call: "https://a.example", or "*"
  std::vector<std::string> allowed_hosts;    // names of a reverse proxy, for Access
  double request_timeout = 0;                // seconds; 0: none
  size_t max_response_bytes = 64 << 20;      // of responses that /v1/responses keeps for later requests
  ModelPool::Options models;
  // kRefused: fields that would have no effect are refused instead of being named in X-Ferrum-Ignored.
  Hints hints = Hints::kReported;
  bool show_running = false;  // GET /running lists the requests that are being answered
  std::string version;        // of the program, for /metrics
  std::function<std::chrono::steady_clock::time_point()> clock = std::chrono::steady_clock::now;  // of pings
};

class Server {
 public:
  // Listens at once; responds with 503 until models() has one. Throws the errors of HttpServer and Access.
  explicit Server(const ServerOptions& options);
  ~Server();

  ModelPool& models();      // from any thread
  int connections() const;  // that are open
  std::string url() const;  // "http://127.0.0.1:8000"
  void run();               // until stop()
  // Refuses new requests, and finishes those that are being answered within `patience`. From any thread.
  void stop(std::chrono::seconds patience);

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace ferrum::server
