// Trying again: at once while something comes, else after longer and longer, and not for ever.
#pragma once
#include <chrono>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>

namespace ferrum::hub {

struct Patience {
  int tries = 6;  // in a row that bring nothing
  std::chrono::milliseconds first{500};
  std::chrono::milliseconds longest{30'000};
  std::chrono::milliseconds most_asked{300'000};  // that a server may ask for
  std::chrono::milliseconds stall{30'000};        // without a byte, until a connection is given up
  double time = 1;                                // of what should be waited that is: tests take 0
};

// Why a try failed.
struct Failure {
  std::string why;
  std::optional<std::chrono::milliseconds> asked;  // by the server: wait that long
};

class BackOff {
 public:
  using Notify = std::function<void(const std::string&)>;

  BackOff(const Patience& patience, Notify notify) : patience_(patience), notify_(std::move(notify)) {}

  void progress() { failures_ = 0; }
  // Waits before the next try of `what`. Error kIo when it was the last, naming why. Returns early on a stop.
  void wait(const std::string& what, const Failure& failure, const std::stop_token& stop);

 private:
  const Patience& patience_;
  Notify notify_;
  int failures_ = 0;
};

}  // namespace ferrum::hub
