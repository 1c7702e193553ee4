#include "server/http/deadline.h"

#include <boost/asio/steady_timer.hpp>

namespace ferrum::server {
namespace {

constexpr std::chrono::milliseconds kAgain{20};
constexpr Deadline::Clock::time_point kNever = Deadline::Clock::time_point::max();

}  // namespace

struct Deadline::State {
  State(const boost::asio::any_io_executor& executor, std::function<void()> on_end)
      : timer(executor), on_end(std::move(on_end)) {}

  boost::asio::steady_timer timer;
  std::function<void()> on_end;  // empty: the Deadline was destroyed
  Clock::time_point end = kNever;
  Clock::time_point rings = kNever;  // when the timer expires
};

Deadline::Deadline(const boost::asio::any_io_executor& executor, std::function<void()> on_end)
    : state_(std::make_shared<State>(executor, std::move(on_end))) {}

Deadline::~Deadline() {
  state_->on_end = nullptr;
  state_->timer.cancel();
}

void Deadline::set(Clock::time_point end) {
  state_->end = end;
  if (end < state_->rings) wait(state_, end);
}

void Deadline::clear() { state_->end = kNever; }

bool Deadline::is_over() const { return state_->end != kNever && Clock::now() >= state_->end; }

void Deadline::wait(const std::shared_ptr<State>& state, Clock::time_point until) {
  state->rings = until;
  state->timer.expires_at(until);
  state->timer.async_wait([state](const boost::system::error_code& error) {
    if (error || !state->on_end) return;
    state->rings = kNever;
    if (state->end == kNever) return;
    const Clock::time_point now = Clock::now();
    if (now < state->end) return wait(state, state->end);
    state->on_end();
    wait(state, now + kAgain);
  });
}

}  // namespace ferrum::server
