#include "server/api/line_limits.h"

#include <limits>
#include <utility>

namespace ferrum::server {
namespace {

class LimitedStream final : public EventStream {
 public:
  LimitedStream(std::unique_ptr<EventStream> stream, const LineLimits& limits, AnswerClock clock)
      : stream_(std::move(stream)), limits_(limits), clock_(std::move(clock)) {}

  std::optional<Event> next() override {
    return filtered([this] { return stream_->next(); });
  }
  std::optional<Event> poll() override {
    return filtered([this] { return stream_->poll(); });
  }
  bool over() const override { return stream_->over(); }
  void subscribe(std::function<void()> on_event) override { stream_->subscribe(std::move(on_event)); }
  void cancel() override { stream_->cancel(); }

 private:
  template <class Read>
  std::optional<Event> filtered(Read read) {
    while (std::optional<Event> event = read()) {
      if (auto* const text = std::get_if<TextEvent>(&*event)) {
        if (ended_) continue;
        const bool was_empty = text->text.empty();
        take(text->text);
        if (ended_) stream_->cancel();
        if (text->text.empty() && !was_empty) continue;
      }
      if (auto* const finish = std::get_if<FinishEvent>(&*event))
        if (ended_) finish->reason = FinishReason::kMaxTokens;
      return event;
    }
    return std::nullopt;
  }

  // Drops what is no part of the answer.
  void take(std::string& text) {
    const auto now = clock_();
    if (!begin_) begin_ = now;
    for (size_t i = 0; i < text.size(); ++i) {
      if (in_indent_ && (text[i] == ' ' || text[i] == '\t')) {
        ++indent_;
        continue;
      }
      if (in_indent_ && indent_ < limits_.indent) {
        text.erase(i);
        ended_ = true;
        return;
      }
      in_indent_ = text[i] == '\n';
      indent_ = 0;
    }
    const bool is_late = limits_.time.count() > 0 && now - *begin_ > limits_.time;
    if (is_late && text.find('\n') != std::string::npos) ended_ = true;
  }

  std::unique_ptr<EventStream> stream_;
  const LineLimits limits_;
  const AnswerClock clock_;
  std::optional<std::chrono::steady_clock::time_point> begin_;  // when its first text came
  bool in_indent_ = false;                                      // at the begin of a line but the first
  int indent_ = 0;                                              // spaces and tabs there so far
  bool ended_ = false;
};

}  // namespace

LineLimits read_line_limits(Fields& body) {
  constexpr int kMost = std::numeric_limits<int>::max();
  LineLimits limits;
  limits.indent = static_cast<int>(body.clamped_integer("n_indent", 0, kMost).value_or(0));
  const auto time = body.clamped_integer("t_max_predict_ms", -1, kMost).value_or(0);
  limits.time = std::chrono::milliseconds(time > 0 ? time : 0);
  return limits;
}

Streams within(Streams streams, const LineLimits& limits, const AnswerClock& clock) {
  if (limits.indent == 0 && limits.time.count() == 0) return streams;
  for (auto& stream : streams) stream = std::make_unique<LimitedStream>(std::move(stream), limits, clock);
  return streams;
}

}  // namespace ferrum::server
