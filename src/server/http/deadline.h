// A deadline that can be moved.
#pragma once
#include <boost/asio/any_io_executor.hpp>
#include <chrono>
#include <functional>
#include <memory>

namespace ferrum::server {

// One timer for all waits of a connection. Postponing the end, which happens with every write, does not touch
// the timer: when it expires, it is armed again for the remaining time.
class Deadline {
 public:
  using Clock = std::chrono::steady_clock;

  // Calls `on_end` on the executor when the end is reached, and again every few milliseconds until it is
  // moved, since an operation may start another step after the first call.
  Deadline(const boost::asio::any_io_executor& executor, std::function<void()> on_end);
  ~Deadline();
  Deadline(const Deadline&) = delete;
  Deadline& operator=(const Deadline&) = delete;

  void set(Clock::duration time) { set(Clock::now() + time); }
  void set(Clock::time_point end);
  void clear();
  bool is_over() const;

 private:
  struct State;
  static void wait(const std::shared_ptr<State>& state, Clock::time_point until);

  std::shared_ptr<State> state_;
};

}  // namespace ferrum::server
