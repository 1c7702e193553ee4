#include "engine/local/text_thread.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "base/error.h"
#include "engine/loop/current_error.h"
#include "engine/text_results.h"

namespace ferrum {
namespace {

using Result = TextRequest::Result;

// Of all jobs together: more would only grow the memory that they wait in.
constexpr size_t kMostWaitingTokens = size_t{1} << 23;

std::vector<float> finished(const TextJob& job, std::span<const float> values,
                            const TextHeadDescription& head) {
  const TextRequest& r = job.request;
  if (r.result == Result::kScores) return scores_of(values, head.scores);
  if (r.result != Result::kEmbeddings) return {values.begin(), values.end()};
  const bool normalizes = r.normalize == TextRequest::Normalize::kAsModel
                              ? head.normalizes
                              : r.normalize == TextRequest::Normalize::kAlways;
  return finished_embedding(values, r.dimensions, normalizes);
}

}  // namespace

TextThread::TextThread(TextEncoder& encoder, const Options& options)
    : encoder_(encoder), places_(options.queue), device_(options.device) {
  watchdog_ = std::make_unique<Watchdog>(
      Watchdog::Options{.limit = options.stall_seconds, .state = [this] { return state(); }});
  stats_.device = device_.stats();
  thread_ = std::jthread([this](const std::stop_token& stop) { work(stop); });
}

TextThread::~TextThread() {
  thread_.request_stop();
  thread_.join();
  watchdog_.reset();  // before what its reports look at
}

void TextThread::send(std::shared_ptr<TextJob> job) {
  {
    const std::lock_guard lock(mutex_);
    // One that is alone may be as long as it likes.
    if (waiting_tokens_ > 0 && waiting_tokens_ + job->tokens > kMostWaitingTokens)
      ferrum::fail(ErrorCode::kQueueFull, "{} tokens of texts wait already: try again later",
                   waiting_tokens_);
    waiting_tokens_ += job->tokens;
    inbox_.push_back(std::move(job));
  }
  arrived_.notify_one();
}

void TextThread::count_refused() {
  const std::lock_guard lock(mutex_);
  ++refused_;
}

EngineStats TextThread::stats() const {
  EngineStats stats;
  {
    const std::lock_guard lock(mutex_);
    stats = stats_;
    stats.waiting += static_cast<int>(inbox_.size());
    stats.refused = refused_;
  }
  stats.seconds_in_step = watchdog_->seconds_in_turn();
  stats.stalled = watchdog_->stalled();
  return stats;
}

std::string TextThread::state() const {
  const EngineStats s = stats();
  return fmt::format("After {} steps {} requests for texts run and {} wait.", s.steps, s.running, s.waiting);
}

void TextThread::receive() {
  std::vector<std::shared_ptr<TextJob>> arrived;
  {
    const std::lock_guard lock(mutex_);
    arrived.swap(inbox_);
    stats_.waiting += static_cast<int>(arrived.size());
  }
  for (std::shared_ptr<TextJob>& job : arrived) queue_.add(std::move(job));
}

void TextThread::finish(TextJob& job, FinishReason reason) {
  const double seconds = seconds_between(job.submitted, Clock::now());
  FinishEvent event = {.choice = 0, .reason = reason, .stop = {}, .usage = {}};
  event.usage.prompt_tokens = static_cast<int>(job.tokens);
  event.usage.total_seconds = seconds;
  event.usage.queue_seconds = job.begun ? seconds_between(job.submitted, *job.begun) : seconds;
  job.over = true;
  job.place.reset();  // who reads the last event may ask again at once
  outbox_.emplace_back(job.sink, std::move(event));
  if (reason == FinishReason::kCancelled) {
    ++counted_.cancelled;
  } else {
    ++counted_.finished;
    counted_.request_seconds.observe(seconds);
  }
  const std::lock_guard lock(mutex_);
  waiting_tokens_ -= job.tokens;
}

void TextThread::fail(TextJob& job, const ErrorEvent& error) {
  if (std::exchange(job.over, true)) return;
  job.place.reset();
  outbox_.emplace_back(job.sink, error);
  ++counted_.failed;
  const std::lock_guard lock(mutex_);
  waiting_tokens_ -= job.tokens;
}

void TextThread::drop_unwanted() {
  const auto now = Clock::now();
  const auto is_late = [&](const TextJob& job) { return job.deadline && now >= *job.deadline; };
  for (const std::shared_ptr<TextJob>& job :
       queue_.take([&](const TextJob& job) { return job.sink->cancelled() || is_late(job); })) {
    if (job->sink->cancelled())
      finish(*job, FinishReason::kCancelled);
    else
      fail(*job, deadline_error(job->submitted, *job->deadline));
  }
}

void TextThread::deliver(const TextQueue::Part& part, std::span<const float> values) {
  TextJob& job = *part.job;
  if (job.over) return;
  if (!std::ranges::all_of(values, [](float x) { return std::isfinite(x); }))
    return fail(job, {std::string(name_of(ErrorCode::kNotFinite)),
                      fmt::format("what the model computes of text {} is not finite", part.text)});
  const TextTokens& text = job.texts[part.text];
  outbox_.emplace_back(job.sink,
                       TextResultEvent{.text = part.text,
                                       .rows = job.wants_states() ? static_cast<int>(text.tokens.size()) : 1,
                                       .values = finished(job, values, encoder_.model().text_head),
                                       .tokens = static_cast<int>(text.tokens.size()),
                                       .was_cut = text.was_cut});
  ++counted_.texts;
}

void TextThread::compute(const std::vector<TextQueue::Part>& parts) {
  std::vector<const TextTokens*> texts;
  size_t tokens = 0;
  const auto now = Clock::now();
  for (const auto& [job, text] : parts) {
    texts.push_back(&job->texts[text]);
    tokens += texts.back()->tokens.size();
    if (job->begun) continue;
    job->begun = now;
    counted_.queue_seconds.observe(seconds_between(job->submitted, now));
  }
  ++counted_.steps;
  counted_.step_sequences.observe(static_cast<double>(parts.size()));
  counted_.step_tokens.observe(static_cast<double>(tokens));
  counted_.prompt_tokens += static_cast<int64_t>(tokens);
  const bool states = parts.front().job->wants_states();
  try {
    const std::vector<float> values = states ? encoder_.states(texts) : encoder_.compute(texts);
    const size_t width = values.size() / (states ? tokens : parts.size());
    size_t at = 0;
    for (size_t i = 0; i < parts.size(); ++i) {
      const size_t count = width * (states ? texts[i]->tokens.size() : 1);
      deliver(parts[i], std::span(values).subspan(at, count));
      at += count;
    }
  } catch (...) {
    const ErrorEvent error = current_error();
    for (const TextQueue::Part& part : parts) fail(*part.job, error);
  }
  for (const TextQueue::Part& part : parts)
    if (!part.job->over && part.text + 1 == part.job->texts.size()) finish(*part.job, FinishReason::kStop);
}

void TextThread::publish() {
  {
    const std::lock_guard lock(mutex_);
    const int jobs = static_cast<int>(queue_.jobs());
    stats_ = counted_;
    stats_.running = jobs;
    stats_.device = device_.stats();
  }
  for (auto& [sink, event] : std::exchange(outbox_, {})) sink->push(std::move(event));
}

void TextThread::work(const std::stop_token& stop) {
  encoder_.backend().enter_thread();
  while (!stop.stop_requested()) {
    drop_unwanted();
    if (queue_.empty()) device_.look();
    publish();
    {
      std::unique_lock lock(mutex_);
      if (queue_.empty() && inbox_.empty()) watchdog_->rest();
      if (queue_.empty()) arrived_.wait(lock, stop, [&] { return !inbox_.empty(); });
    }
    watchdog_->begin_turn();
    receive();
    drop_unwanted();
    const std::vector<TextQueue::Part> parts =
        queue_.next_step([this](size_t texts, size_t tokens) { return encoder_.fits(texts, tokens); });
    if (!parts.empty()) compute(parts);
  }
  receive();
  const ErrorEvent closed = {std::string(name_of(ErrorCode::kUnavailable)), "the engine was closed"};
  for (const std::shared_ptr<TextJob>& job : queue_.take([](const TextJob&) { return true; }))
    fail(*job, closed);
  publish();
}

}  // namespace ferrum
