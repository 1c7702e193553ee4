// The server: HTTP routes on top of the engine's public interface.
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
  // All routes except /health and the page require one of these keys; empty: no key is required.
  std::vector<std::string> api_keys;
  std::vector<std::string> allowed_origins;  // of web pages: "https://a.example", or "*"
  std::vector<std::string> allowed_hosts;    // host names of a reverse proxy, for Access
  double request_timeout = 0;                // seconds; 0: none
  size_t max_response_bytes = 64 << 20;      // the limit of what /v1/responses stores
  ModelPool::Options models;
  // kRefused: fields that would have no effect are refused instead of being named in X-Ferrum-Ignored.
  Hints hints = Hints::kReported;
  bool show_running = false;  // GET /running lists the requests in progress
  std::string version;        // the program's version, for /metrics
  std::function<std::chrono::steady_clock::time_point()> clock = std::chrono::steady_clock::now;  // for pings
};

class Server {
 public:
  // Listens at once; responds with 503 until models() has one. Throws as HttpServer and Access do.
  explicit Server(const ServerOptions& options);
  ~Server();

  ModelPool& models();      // thread-safe
  int connections() const;  // the number of open connections
  std::string url() const;  // "http://127.0.0.1:8000"
  void run();               // returns after stop()
  // Refuses new requests, and completes those in progress within `patience`. Thread-safe.
  void stop(std::chrono::seconds patience);

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace ferrum::server
