// Taking the speed of decoding through the engine: requests that wait together, are scheduled, sampled and
// read as anyone's are.
#pragma once
#include <chrono>
#include <memory>
#include <span>
#include <vector>

#include "engine/local/local_engine.h"
#include "engine/measure/bench.h"
#include "engine/measure/step_recorder.h"

namespace ferrum {

// The part of a load in which every sequence decodes: from when the last of them got its first token to when
// the first of them ends.
struct DecodePhase {
  std::vector<double> periods;  // seconds from a step's end to the next one's: between tokens of a sequence
  double seconds = 0;           // their sum
  double model_seconds = 0;     // of them in the model
};
DecodePhase decode_phase(std::span<const RecordedStep> steps, int batch);

struct Quantiles {
  double median = 0;
  double p99 = 0;
};
// The smallest sample that at least this share of all samples does not exceed.
Quantiles quantiles_of(std::vector<double> samples);

// What the engine adds to a row's speed.
struct EngineFigures {
  // Of the first repetition. The prompts of the later ones are in the prefix cache.
  Quantiles first_token;      // seconds from being submitted, of the requests
  double prompt_speed = 0;    // tokens/s, until the last of them was computed, decoding beside them included
  double total_speed = 0;     // tokens/s of prompts and answers, until the last ended
  double mean_sequences = 0;  // of a step
  // Of decoding in the later ones.
  Quantiles between_tokens;  // seconds
  double outside_share = 0;  // of the time, not in the model and its draws: scheduling, text, events
};

class EngineBench {
 public:
  // An engine of its own over the runner, which is of bench_runner_options for the case and outlives this.
  EngineBench(Runner& runner, std::shared_ptr<const Checkpoint> checkpoint, const EngineOptions& options,
              const BenchCase& task);

  // Runs the case once. How long its steps took where all sequences decoded together; nothing the first time,
  // which computes the prompts.
  std::chrono::duration<double> repeat();
  // Of the last repetition.
  std::span<const RecordedStep> steps() const { return recorder_.steps(); }
  // After two repetitions or more.
  EngineFigures figures() const;

 private:
  Request request(int sequence, int prompt_tokens, int max_tokens) const;
  // Results of the first repetition: each request's usage, and the duration of all.
  void see_prompts(std::span<const Usage> usages, double seconds);

  BenchCase task_;
  int vocab_;
  StepRecorder recorder_;
  LocalEngine engine_;
  EngineFigures figures_;  // the first repetition's
  DecodePhase later_;      // of the others, all together
  int repetitions_ = 0;
};

}  // namespace ferrum
