#include "engine/local/engine_trace.h"

#include <utility>

#include "backend/observers/tracing_backend.h"

namespace ferrum {
namespace {

constexpr int kEngine = 1;
constexpr int kRequests = 2;
constexpr TraceFile::Track kSteps = {kEngine, 1};
constexpr int64_t kTracksOfRequest = 128;  // a request has no more choices

const char* name_of_phase(const Sequence& s) {
  switch (s.phase) {
    case Sequence::Phase::kWaits:
      return s.usage.preemptions > 0 ? "preempted" : "queued";
    case Sequence::Phase::kPrefills:
      return "prefill";
    case Sequence::Phase::kDecodes:
      return "decode";
  }
  return "";
}

}  // namespace

EngineTrace::EngineTrace(const std::filesystem::path& file) : file_(file) {
  file_.name_group(kEngine, "engine");
  file_.name_track(kSteps, "steps");
  file_.name_group(kRequests, "requests");
}

std::shared_ptr<Backend> EngineTrace::watch(std::shared_ptr<Backend> backend, std::string pass) {
  watched_.push_back(std::move(backend));
  return std::make_shared<TracingBackend>(*watched_.back(), file_, kSteps, std::move(pass));
}

void EngineTrace::step_began() { began_ = Clock::now(); }

void EngineTrace::computed() { computed_ = Clock::now(); }

void EngineTrace::step_ended(const StepFacts& facts, const EngineStats& stats) {
  const auto now = Clock::now();
  if (computed_ > began_) file_.slice(kSteps, "harvest", computed_, now);  // else the model failed
  file_.slice(
      kSteps, "step", began_, now,
      {{"sequences", facts.sequences}, {"rows", facts.tokens}, {"rows of prompts", facts.prompt_tokens}});
  file_.values(kEngine, "sequences", now, {{"running", stats.running}, {"waiting", stats.waiting}});
  file_.values(kEngine, "KV blocks", now, {{"used", stats.used_blocks}, {"cached", stats.cached_blocks}});
}

void EngineTrace::phase_ended(const Sequence& s) {
  const TraceFile::Track track = {kRequests, 1 + s.job->number * kTracksOfRequest + s.choice};
  file_.slice(track, name_of_phase(s), s.since, Clock::now(),
              {{"prompt tokens", s.usage.prompt_tokens},
               {"cached tokens", s.usage.cached_tokens},
               {"generated tokens", s.usage.generated_tokens}});
  if (!s.ended) return;
  std::string name = "request " + std::to_string(s.job->number);
  if (s.job->request.choices > 1) name += ", choice " + std::to_string(s.choice);
  file_.name_track(track, name);
  file_.flush();  // a reader of the unfinished trace sees whole answers
}

}  // namespace ferrum
