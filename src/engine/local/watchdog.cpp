#include "engine/local/watchdog.h"

#include <fmt/core.h>

#include <algorithm>
#include <utility>

#include "base/error.h"
#include "base/log.h"

namespace ferrum {
namespace {

constexpr double kLooksPerLimit = 4;
constexpr size_t kChunksTold = 16;

}  // namespace

Watchdog::Watchdog(Options options) : options_(std::move(options)) {
  if (!(options_.limit > 0))
    fail(ErrorCode::kBadArgument, "stall_seconds must be more than 0, not {}", options_.limit);
  if (!options_.report) options_.report = [](const std::string& text) { log::error("{}", text); };
  thread_ = std::jthread([this](const std::stop_token& stop) { watch(stop); });
}

void Watchdog::begin_turn() {
  began_.store(Clock::now().time_since_epoch().count(), std::memory_order_relaxed);
}

void Watchdog::rest() { began_.store(0, std::memory_order_relaxed); }

void Watchdog::note(std::span<const Chunk> chunks) {
  const std::lock_guard lock(mutex_);
  noted_.clear();
  for (const Chunk& chunk : chunks)
    noted_.push_back(
        {chunk.position, static_cast<int>(chunk.tokens.size()), static_cast<int>(chunk.blocks.size())});
}

double Watchdog::seconds_in_turn() const {
  const Clock::rep began = began_.load(std::memory_order_relaxed);
  if (began == 0) return 0;
  return std::chrono::duration<double>(Clock::now().time_since_epoch() - Clock::duration(began)).count();
}

void Watchdog::watch(const std::stop_token& stop) {
  const std::chrono::duration<double> pause(options_.limit / kLooksPerLimit);
  Clock::rep reported = 0;
  while (!stop.stop_requested()) {
    {
      std::unique_lock lock(mutex_);
      changed_.wait_for(lock, stop, pause, [] { return false; });
    }
    const Clock::rep began = began_.load(std::memory_order_relaxed);
    const double seconds = seconds_in_turn();
    if (seconds <= options_.limit || began == reported) continue;
    reported = began;
    options_.report(description(seconds));
  }
}

std::string Watchdog::description(double seconds) {
  std::string text = fmt::format("the engine has not moved for {:.1f} s. {}", seconds, options_.state());
  const std::lock_guard lock(mutex_);
  text += fmt::format(" The step has {} sequences", noted_.size());
  for (size_t i = 0; i < std::min(noted_.size(), kChunksTold); ++i)
    text += fmt::format("{} {} tokens from position {} in {} blocks", i == 0 ? ":" : ",", noted_[i].tokens,
                        noted_[i].position, noted_[i].blocks);
  return text + (noted_.size() > kChunksTold ? ", …" : "");
}

}  // namespace ferrum
