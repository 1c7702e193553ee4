// Blocking HTTP client: one connection to a server, used by one thread.
#pragma once
#include <memory>

#include "http_client/http.h"

namespace ferrum::http_client {

class HttpServerAddress;

class HttpSession {
 public:
  // The address must outlive the session.
  explicit HttpSession(const HttpServerAddress& server);
  ~HttpSession();
  HttpSession(const HttpSession&) = delete;
  HttpSession& operator=(const HttpSession&) = delete;

  // As HttpConnection::exchange.
  HttpHead exchange(const HttpCall& call, const OnBody& on_body);

  // Thread-safe: aborts the exchange in progress and every later one with HttpFault.
  void stop();

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace ferrum::http_client
