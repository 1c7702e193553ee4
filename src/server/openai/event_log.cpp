#include "server/openai/event_log.h"

#include <condition_variable>
#include <optional>
#include <utility>

namespace ferrum::server::openai {
namespace {

constexpr std::string_view kEventEnd = "\n\n";

class LogFormat final : public Format {
 public:
  void take(size_t /*prompt*/, const Event& event, std::string& out) override {
    if (const auto* text = std::get_if<TextEvent>(&event)) out += text->text;
  }
  void end(std::string& /*out*/) override {}
  void fail(const ApiError& error, std::string& out) override {
    append_event(out, error_json(error), "error");
  }
  RequestFields fields() const override { return {.prompt = "input"}; }
};

}  // namespace

class EventLog::Reader final : public EventStream {
 public:
  Reader(std::shared_ptr<EventLog> log, size_t first) : log_(std::move(log)), next_(first) {}
  ~Reader() override { subscribe({}); }

  std::optional<Event> next() override {
    std::unique_lock lock(log_->mutex_);
    bool changed = false;
    std::condition_variable arrived;
    log_->readers_[this] = [&] {
      changed = true;
      arrived.notify_one();
    };
    while (!has_event() && !over_) {
      arrived.wait(lock, [&] { return changed; });
      changed = false;
    }
    log_->readers_.erase(this);
    return take();
  }
  std::optional<Event> poll() override {
    const std::lock_guard lock(log_->mutex_);
    return take();
  }
  bool over() const override {
    const std::lock_guard lock(log_->mutex_);
    return over_;
  }
  void subscribe(std::function<void()> on_event) override {
    const std::lock_guard lock(log_->mutex_);
    if (!on_event) {
      log_->readers_.erase(this);
      return;
    }
    if (has_event()) on_event();
    log_->readers_[this] = std::move(on_event);
  }
  void cancel() override {}

 private:
  bool has_event() const { return !over_ && (next_ < log_->events_.size() || log_->closed_); }

  std::optional<Event> take() {
    if (!has_event()) return std::nullopt;
    if (next_ >= log_->events_.size()) {
      over_ = true;
      return FinishEvent{};
    }
    TextEvent text;
    while (next_ < log_->events_.size()) text.text += log_->events_[next_++];
    return text;
  }

  const std::shared_ptr<EventLog> log_;
  size_t next_;  // the index of the next event
  bool over_ = false;
};

void EventLog::append(std::string_view events) {
  const std::lock_guard lock(mutex_);
  while (!events.empty()) {
    const size_t end = std::min(events.find(kEventEnd), events.size() - kEventEnd.size()) + kEventEnd.size();
    events_.emplace_back(events.substr(0, end));
    bytes_ += sizeof(std::string) + end;
    events.remove_prefix(end);
  }
  wake_readers();
}

void EventLog::close() {
  const std::lock_guard lock(mutex_);
  closed_ = true;
  wake_readers();
}

size_t EventLog::bytes() const {
  const std::lock_guard lock(mutex_);
  return bytes_;
}

std::unique_ptr<EventStream> EventLog::follow(size_t first) {
  return std::make_unique<Reader>(shared_from_this(), first);
}

void EventLog::wake_readers() {
  for (const auto& [reader, on_event] : readers_) on_event();
}

std::unique_ptr<Format> log_format() { return std::make_unique<LogFormat>(); }

}  // namespace ferrum::server::openai
