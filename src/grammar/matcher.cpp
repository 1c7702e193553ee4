#include "grammar/matcher.h"

#include "base/check.h"
#include "grammar/first_bytes.h"
#include "grammar/threads.h"

namespace ferrum::grammar {

struct MatcherStep final : Node {
  Ref<const MatcherStep> before;
  Threads threads;
};

Matcher::Matcher(std::shared_ptr<const Grammar> grammar) : grammar_(std::move(grammar)) {
  Ref<MatcherStep> first(new MatcherStep);
  first->threads = Stepper(grammar_->program()).start();
  last_ = Ref<const MatcherStep>(first.get());
}

Matcher::~Matcher() = default;
Matcher::Matcher(const Matcher&) = default;
Matcher& Matcher::operator=(const Matcher&) = default;

bool Matcher::accept(std::string_view bytes) {
  const Stepper stepper(grammar_->program());
  Threads threads = last_->threads;
  for (const char byte : bytes) {
    threads = stepper.step(threads, static_cast<uint8_t>(byte));
    if (threads.empty()) return false;
  }
  push(std::move(threads));
  return true;
}

bool Matcher::accept_mark(std::string_view spelling) {
  Threads threads = Stepper(grammar_->program()).step_mark(last_->threads, spelling);
  if (threads.empty()) return false;
  push(std::move(threads));
  return true;
}

void Matcher::push(Threads threads) {
  Ref<MatcherStep> next(new MatcherStep);
  next->before = last_;
  next->threads = std::move(threads);
  last_ = Ref<const MatcherStep>(next.get());
}

size_t Matcher::accepted_prefix(std::string_view bytes) const {
  const Stepper stepper(grammar_->program());
  Threads threads = last_->threads;
  for (size_t i = 0; i < bytes.size(); ++i) {
    threads = stepper.step(threads, static_cast<uint8_t>(bytes[i]));
    if (threads.empty()) return i;
  }
  return bytes.size();
}

void Matcher::rollback(size_t steps) {
  for (; steps > 0; --steps) {
    check(static_cast<bool>(last_->before), "a step to take back");
    last_ = Ref<const MatcherStep>(last_->before);
  }
}

const Threads& Matcher::threads() const { return last_->threads; }

bool Matcher::is_complete() const { return Stepper(grammar_->program()).is_complete(last_->threads); }

bool Matcher::is_at_end() const {
  if (!is_complete()) return false;
  const Stepper stepper(grammar_->program());
  const std::bitset<256> first = first_bytes(grammar_->program(), last_->threads);
  for (size_t byte = 0; byte < 256; ++byte)
    if (first[byte] && !stepper.step(last_->threads, static_cast<uint8_t>(byte)).empty()) return false;
  return true;
}

std::string Matcher::forced_bytes(size_t most) const {
  const Stepper stepper(grammar_->program());
  Threads threads = last_->threads;
  std::string out;
  while (out.size() < most && !stepper.is_complete(threads)) {
    const std::bitset<256> first = first_bytes(grammar_->program(), threads);
    Threads only;
    int found = 0;
    char forced = 0;
    for (size_t byte = 0; byte < 256 && found < 2; ++byte) {
      if (!first[byte]) continue;
      Threads next = stepper.step(threads, static_cast<uint8_t>(byte));
      if (next.empty()) continue;
      ++found;
      forced = static_cast<char>(byte);
      only = std::move(next);
    }
    if (found != 1) break;
    out += forced;
    threads = std::move(only);
  }
  return out;
}

}  // namespace ferrum::grammar
