// Until when something may be waited for.
#pragma once
#include <boost/asio/any_io_executor.hpp>
#include <chrono>
#include <functional>
#include <memory>

namespace ferrum::server {

// One timer for all that a connection waits for. Moving the end further away, which happens with every part
// that is written, does not touch the timer: it looks when it rings.
class Deadline {
 public:
  using Clock = std::chrono::steady_clock;

  // `on_end` is called on the executor once the end is reached, and again every few milliseconds until it is
  // moved: what is in the middle of several steps may begin another one after it was told.
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
