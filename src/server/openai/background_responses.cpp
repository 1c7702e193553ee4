#include "server/openai/background_responses.h"

#include <optional>
#include <utility>
#include <vector>

namespace ferrum::server::openai {

struct BackgroundResponses::Job {
  std::shared_ptr<Engine> engine;  // outlives the streams
  Streams streams;
  Background response;
  std::mutex mutex;  // guards all members
  bool began = false;
  bool ended = false;

  void take(size_t stream, const Event& event) {
    Format& format = *response.format;
    std::string out;
    if (!std::exchange(began, true)) format.begin(out);
    if (const auto* error = std::get_if<ErrorEvent>(&event)) {
      format.fail(api_error(*error, format.fields()), out);
      ended = true;
    } else {
      format.take(stream, event, out);
    }
    write(out);
  }
  void end() {
    if (std::exchange(ended, true)) return;
    std::string out;
    response.format->end(out);
    write(out);
  }
  void write(const std::string& out) {
    if (!response.events) return;
    response.events->append(out);
    if (ended) response.events->close();
  }
};

// Outlives this object if an engine is about to report an event.
struct BackgroundResponses::Ready {
  std::mutex mutex;
  std::condition_variable changed;
  std::deque<std::string> ids;
  bool closing = false;
};

BackgroundResponses::BackgroundResponses() : ready_(std::make_shared<Ready>()), thread_([this] { work(); }) {}

BackgroundResponses::~BackgroundResponses() {
  cancel_all();
  {
    const std::lock_guard lock(ready_->mutex);
    ready_->closing = true;
  }
  ready_->changed.notify_one();
  thread_.join();
}

void BackgroundResponses::start(Background response, std::shared_ptr<Engine> engine, Streams streams) {
  const std::string id = response.id;
  auto job = std::make_shared<Job>();
  job->engine = std::move(engine);
  job->streams = std::move(streams);
  job->response = std::move(response);
  {
    const std::lock_guard lock(mutex_);
    jobs_[id] = job;
  }
  const std::lock_guard lock(job->mutex);
  for (const auto& stream : job->streams)
    stream->subscribe([ready = ready_, id] {
      {
        const std::lock_guard lock(ready->mutex);
        ready->ids.push_back(id);
      }
      ready->changed.notify_one();
    });
}

void BackgroundResponses::work() {
  while (true) {
    std::string id;
    {
      std::unique_lock lock(ready_->mutex);
      ready_->changed.wait(lock, [&] { return ready_->closing || !ready_->ids.empty(); });
      if (ready_->closing) return;
      id = std::move(ready_->ids.front());
      ready_->ids.pop_front();
    }
    const std::shared_ptr<Job> job = find(id);
    if (!job) continue;
    const std::lock_guard lock(job->mutex);
    bool over = true;
    for (size_t i = 0; i < job->streams.size() && !job->ended; ++i) {
      while (std::optional<Event> event = job->ended ? std::nullopt : job->streams[i]->poll())
        job->take(i, *event);
      over &= job->streams[i]->over();
    }
    if (over) job->end();
    if (job->ended) {
      job->streams.clear();
      erase(id);
    }
  }
}

bool BackgroundResponses::cancel(const std::string& id) {
  const std::shared_ptr<Job> job = find(id);
  if (!job) return false;
  const std::lock_guard lock(job->mutex);
  if (!job->ended) {
    job->take(0, FinishEvent{.reason = FinishReason::kCancelled});
    job->end();
    job->streams.clear();
  }
  erase(id);
  return true;
}

void BackgroundResponses::cancel_all() {
  std::vector<std::string> ids;
  {
    const std::lock_guard lock(mutex_);
    for (const auto& [id, job] : jobs_) ids.push_back(id);
  }
  for (const std::string& id : ids) cancel(id);
}

std::shared_ptr<BackgroundResponses::Job> BackgroundResponses::find(const std::string& id) {
  const std::lock_guard lock(mutex_);
  const auto found = jobs_.find(id);
  return found == jobs_.end() ? nullptr : found->second;
}

void BackgroundResponses::erase(const std::string& id) {
  const std::lock_guard lock(mutex_);
  jobs_.erase(id);
}

}  // namespace ferrum::server::openai
