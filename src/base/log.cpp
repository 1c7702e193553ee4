#include "base/log.h"

#include <spdlog/sinks/base_sink.h>
#include <spdlog/sinks/stdout_color_sinks.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include <algorithm>
#include <mutex>
#include <utility>

#include "base/terminal.h"

namespace ferrum::log {
namespace {

spdlog::level::level_enum level_of(Level level) {
  switch (level) {
    case Level::kDebug:
      return spdlog::level::debug;
    case Level::kInfo:
      return spdlog::level::info;
    case Level::kWarning:
      return spdlog::level::warn;
    case Level::kError:
      break;
  }
  return spdlog::level::err;
}

}  // namespace

bool shows(Level level) { return spdlog::should_log(level_of(level)); }

void write(Level level, std::string_view text) {
  spdlog::default_logger_raw()->log(level_of(level), spdlog::string_view_t(text.data(), text.size()));
}

void configure(Verbosity verbosity) {
  const auto colours = shows_colours(STDERR_FILENO) ? spdlog::color_mode::always : spdlog::color_mode::never;
  auto logger = std::make_shared<spdlog::logger>(
      "ferrum", std::make_shared<spdlog::sinks::stderr_color_sink_mt>(colours));
  switch (verbosity) {
    case Verbosity::kQuiet:
      logger->set_level(spdlog::level::err);
      break;
    case Verbosity::kNormal:
      logger->set_level(spdlog::level::warn);
      break;
    case Verbosity::kVerbose:
      logger->set_level(spdlog::level::debug);
      break;
  }
  logger->set_pattern("%n: %^%l%$: %v");
  spdlog::set_default_logger(std::move(logger));
}

class Recorder::Sink final : public spdlog::sinks::base_sink<std::mutex> {
 public:
  std::vector<std::string> warnings() {
    const std::lock_guard lock(mutex_);
    return warnings_;
  }

 private:
  void sink_it_(const spdlog::details::log_msg& message) override {
    if (message.level != spdlog::level::warn) return;
    std::string text(message.payload.data(), message.payload.size());
    if (std::find(warnings_.begin(), warnings_.end(), text) == warnings_.end())
      warnings_.push_back(std::move(text));
  }
  void flush_() override {}

  std::vector<std::string> warnings_;
};

// Adds a sink to the default logger. The logger's level would keep warnings from that sink, so the level
// moves to the other sinks.
Recorder::Recorder() : before_(spdlog::default_logger()), sink_(std::make_shared<Sink>()) {
  const std::shared_ptr<spdlog::logger> logger = before_->clone(before_->name());
  if (before_->level() > spdlog::level::warn) {
    for (const auto& sink : logger->sinks()) sink->set_level(before_->level());
    logger->set_level(spdlog::level::warn);
  }
  logger->sinks().push_back(sink_);
  spdlog::set_default_logger(logger);
}

Recorder::~Recorder() { spdlog::set_default_logger(before_); }

std::vector<std::string> Recorder::warnings() const { return sink_->warnings(); }

}  // namespace ferrum::log
