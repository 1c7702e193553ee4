// Retries with exponential back-off: immediate after progress, delayed otherwise, and limited in number.
#pragma once
#include <chrono>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>

namespace ferrum::hub {

struct RetryPolicy {
  int tries = 6;  // consecutive, without progress
  std::chrono::milliseconds first{500};
  std::chrono::milliseconds longest{30'000};
  std::chrono::milliseconds longest_retry_after{300'000};  // the longest Retry-After that is honoured
  std::chrono::milliseconds stall{30'000};  // a connection is dropped after this time without a byte
  double time = 1;                          // scales all delays: tests use 0
};

// Why an attempt failed.
struct Failure {
  std::string why;
  std::optional<std::chrono::milliseconds> retry_after{};  // as sent by the server
};

class BackOff {
 public:
  using Notify = std::function<void(const std::string&)>;

  BackOff(const RetryPolicy& policy, Notify notify) : policy_(policy), notify_(std::move(notify)) {}

  void progress() { failures_ = 0; }
  // Waits before the next attempt at `what`. Throws kIo with the cause after the last. A stop ends the wait.
  void wait(const std::string& what, const Failure& failure, const std::stop_token& stop);

 private:
  const RetryPolicy& policy_;
  Notify notify_;
  int failures_ = 0;
};

}  // namespace ferrum::hub
