#include "engine/local/engine_thread.h"

#include "base/error.h"

namespace ferrum {

EngineThread::EngineThread(const Parts& parts, const LoopOptions& loop, const Options& options)
    : backend_(parts.backend),
      between_steps_(parts.between_steps),
      places_(options.queue),
      device_(parts.device) {
  watchdog_ = std::make_unique<Watchdog>(
      Watchdog::Options{.limit = options.stall_seconds, .state = [this] { return state(); }});
  watched_ = std::make_unique<WatchedRunner>(parts.steps, *watchdog_);
  loop_ = std::make_unique<Loop>(*watched_, parts.tokenizer, loop, parts.drafter);
  stats_ = loop_->stats();
  stats_.device = device_.stats();
  thread_ = std::jthread([this](const std::stop_token& stop) { work(stop); });
}

EngineThread::~EngineThread() {
  thread_.request_stop();
  thread_.join();
  watchdog_.reset();  // before what its reports look at
}

void EngineThread::count_refused(int64_t requests) {
  const std::lock_guard lock(mutex_);
  refused_ += requests;
}

void EngineThread::send(const std::shared_ptr<Job>& job) {
  const std::lock_guard lock(mutex_);
  inbox_.push_back(job);
}

void EngineThread::between_steps(FunctionRef<void()> work) {
  Visit visit = {work, {}};
  std::future<void> done = visit.done.get_future();
  {
    const std::lock_guard lock(mutex_);
    visits_.push_back(std::move(visit));
  }
  wake();
  done.get();
}

EngineStats EngineThread::stats() const {
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

std::string EngineThread::state() const {
  const EngineStats s = stats();
  return fmt::format(
      "After {} steps {} sequences run and {} wait; of the blocks {} are used, {} cached, {} free.", s.steps,
      s.running, s.waiting, s.used_blocks, s.cached_blocks, s.free_blocks);
}

// A client that reads an event finds it counted, and a failure of the device known.
void EngineThread::deliver() {
  {
    const std::lock_guard lock(mutex_);
    stats_ = loop_->stats();
    stats_.device = device_.stats();
  }
  loop_->deliver();
}

void EngineThread::receive(Visit& visit) {
  try {
    visit.work();
    visit.done.set_value();
  } catch (...) {
    visit.done.set_exception(std::current_exception());
  }
}

void EngineThread::receive_jobs() {
  std::vector<std::shared_ptr<Job>> arrived;
  {
    const std::lock_guard lock(mutex_);
    arrived.swap(inbox_);
    stats_.waiting += static_cast<int>(arrived.size());
  }
  for (const std::shared_ptr<Job>& job : arrived) loop_->add(job);
}

void EngineThread::rest() {
  if (between_steps_) between_steps_();
  device_.look();
  deliver();
  watchdog_->rest();
}

void EngineThread::work(const std::stop_token& stop) {
  backend_.enter_thread();
  std::vector<Visit> visits;
  while (!stop.stop_requested()) {
    if (loop_->idle()) rest();
    {
      std::unique_lock lock(mutex_);
      if (loop_->idle()) arrived_.wait(lock, stop, [&] { return !inbox_.empty() || !visits_.empty(); });
      visits.swap(visits_);
    }
    watchdog_->begin_turn();
    if (!visits.empty()) loop_->settle();
    if (between_steps_ && loop_->is_settled()) between_steps_();
    receive_jobs();
    for (Visit& visit : visits) receive(visit);
    visits.clear();
    const bool has_work = loop_->launch();
    deliver();
    if (!has_work) continue;
    receive_jobs();  // while the backend works
    loop_->collect();
  }
  const ErrorEvent error = {std::string(name_of(ErrorCode::kUnavailable)), "the engine was closed"};
  const std::lock_guard lock(mutex_);
  for (const std::shared_ptr<Job>& job : inbox_) loop_->add(job);
  for (Visit& visit : visits_)
    visit.done.set_exception(std::make_exception_ptr(Error(ErrorCode::kUnavailable, error.message)));
  loop_->fail_all(error);
}

}  // namespace ferrum
