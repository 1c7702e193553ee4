#include "engine/measure/engine_bench.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "base/check.h"
#include "base/error.h"
#include "base/quantile.h"

namespace ferrum {
namespace {

EngineOptions with_queue(EngineOptions options, int requests) {
  options.queue = requests;
  return options;
}

// Reads a request's events to the end.
Usage usage_of(EventStream& events) {
  Usage usage;
  while (const std::optional<Event> event = events.next()) {
    if (const auto* error = std::get_if<ErrorEvent>(&*event))
      fail(ErrorCode::kUnavailable, "a request of the bench failed: {}", error->message);
    if (const auto* finish = std::get_if<FinishEvent>(&*event)) usage = finish->usage;
  }
  return usage;
}

}  // namespace

DecodePhase decode_phase(std::span<const RecordedStep> steps, int batch) {
  const auto decodes = [&](const RecordedStep& step) { return step.outputs == batch; };
  const auto first = std::find_if(steps.begin(), steps.end(), decodes);
  DecodePhase phase;
  for (auto step = first; step != steps.end() && decodes(*step); ++step) {
    if (step == first) continue;  // which gave the last first token
    phase.periods.push_back(seconds_between(std::prev(step)->end, step->end));
    phase.seconds += phase.periods.back();
    phase.model_seconds += seconds_between(step->begin, step->end);
  }
  return phase;
}

Quantiles quantiles_of(std::vector<double> samples) {
  std::sort(samples.begin(), samples.end());
  return {quantile(samples, 0.5), quantile(samples, 0.99)};
}

EngineBench::EngineBench(Runner& runner, std::shared_ptr<const Checkpoint> checkpoint,
                         const EngineOptions& options, const BenchCase& task)
    : task_(task),
      vocab_(runner.vocab()),
      recorder_(runner),
      engine_({std::move(checkpoint), runner, recorder_}, with_queue(options, task.batch + 1)) {
  check(task.kind == BenchCase::Kind::kDecode && task.through == BenchCase::Through::kEngine,
        "a case for the engine");
}

Request EngineBench::request(int sequence, int prompt_tokens, int max_tokens) const {
  TokenPrompt prompt;
  for (int i = 0; i < prompt_tokens; ++i) prompt.ids.push_back(bench_token(sequence, i, vocab_));
  Request request;
  request.prompt = std::move(prompt);
  request.sampling.temperature = 0;
  request.max_tokens = max_tokens;
  request.end_of_text = Request::EndOfText::kIgnored;
  return request;
}

std::chrono::duration<double> EngineBench::repeat() {
  // The engine computes a dummy token until all requests are queued, so that it starts all of them at once.
  recorder_.hold();
  const std::unique_ptr<EventStream> first = engine_.submit(request(task_.batch, 1, 1));
  recorder_.await_held();
  std::vector<std::unique_ptr<EventStream>> streams;
  for (int s = 0; s < task_.batch; ++s)
    streams.push_back(engine_.submit(request(s, task_.depth + 1, task_.tokens + 1)));
  recorder_.go();
  const auto begin = Clock::now();
  std::vector<Usage> usages;
  usage_of(*first);
  for (const std::unique_ptr<EventStream>& stream : streams) usages.push_back(usage_of(*stream));
  const double seconds = seconds_between(begin, Clock::now());

  DecodePhase phase = decode_phase(recorder_.steps(), task_.batch);
  if (repetitions_++ == 0) {
    see_prompts(usages, seconds);
    return {};
  }
  check(!phase.periods.empty(), "sequences whose prompts are cached decode together");
  later_.periods.insert(later_.periods.end(), phase.periods.begin(), phase.periods.end());
  later_.seconds += phase.seconds;
  later_.model_seconds += phase.model_seconds;
  return std::chrono::duration<double>(phase.seconds * task_.tokens /
                                       static_cast<double>(phase.periods.size()));
}

void EngineBench::see_prompts(std::span<const Usage> usages, double seconds) {
  std::vector<double> first_tokens;
  int64_t prompt_tokens = 0;
  int64_t generated_tokens = 0;
  for (const Usage& usage : usages) {
    first_tokens.push_back(usage.prompt_seconds);
    prompt_tokens += usage.prompt_tokens;
    generated_tokens += usage.generated_tokens;
  }
  int64_t sequences = 0;
  for (const RecordedStep& step : recorder_.steps()) sequences += step.sequences;
  const double last = *std::max_element(first_tokens.begin(), first_tokens.end());
  figures_ = {
      .first_token = quantiles_of(std::move(first_tokens)),
      .prompt_speed = static_cast<double>(prompt_tokens) / last,
      .total_speed = static_cast<double>(prompt_tokens + generated_tokens) / seconds,
      .mean_sequences = static_cast<double>(sequences) / static_cast<double>(recorder_.steps().size())};
}

EngineFigures EngineBench::figures() const {
  EngineFigures figures = figures_;
  figures.between_tokens = quantiles_of(later_.periods);
  figures.outside_share = 1 - later_.model_seconds / later_.seconds;
  return figures;
}

}  // namespace ferrum
