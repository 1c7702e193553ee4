#include "engine/loop/roster.h"

#include <algorithm>
#include <utility>

namespace ferrum {

std::unique_ptr<Sequence> Roster::take_first_waiting() {
  std::unique_ptr<Sequence> s = std::move(waiting_.front());
  waiting_.erase(waiting_.begin());
  return s;
}

std::unique_ptr<Sequence> Roster::take_last_running() {
  std::unique_ptr<Sequence> s = std::move(running_.back());
  running_.pop_back();
  return s;
}

void Roster::for_each(FunctionRef<void(Sequence&)> visit) const {
  for (const Sequences* all : {&waiting_, &running_})
    for (const std::unique_ptr<Sequence>& s : *all) visit(*s);
}

void Roster::sweep(FunctionRef<bool(Sequence&)> is_over) {
  for (Sequences* all : {&waiting_, &running_})
    std::erase_if(*all, [&](const std::unique_ptr<Sequence>& s) { return is_over(*s); });
}

void Roster::insert(Sequences& into, std::unique_ptr<Sequence> s) {
  const auto at = std::upper_bound(into.begin(), into.end(), s->rank,
                                   [](int64_t rank, const auto& other) { return rank > other->rank; });
  into.insert(at, std::move(s));
}

}  // namespace ferrum
