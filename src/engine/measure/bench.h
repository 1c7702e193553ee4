// Taking the speed of a loaded model alone: prompts, and sequences that decode together, at given depths of
// context. Random tokens from a fixed seed, the same in every repetition. engine_bench.h has the engine's.
#pragma once
#include <chrono>
#include <span>
#include <vector>

#include "engine/runner.h"
#include "models/work.h"

namespace ferrum {

// One figure to be taken.
struct BenchCase {
  enum class Kind { kPrompt, kDecode };
  // Who runs it: the model's steps alone, or the engine, with requests, scheduler, sampler and events.
  enum class Through { kModel, kEngine };

  Kind kind = Kind::kPrompt;
  Through through = Through::kModel;
  int tokens = 0;  // of the prompt; or of each sequence, a step for each
  int batch = 1;   // sequences side by side
  int depth = 0;   // tokens of each sequence that the cache holds before

  int64_t total_tokens() const { return int64_t{batch} * tokens; }
  // Tokens of one sequence that the context must have room for. A request has two more than the model's steps
  // compute: one that its prompt ends with, and the last, which is only drawn.
  int64_t context() const { return int64_t{depth} + tokens + (through == Through::kEngine ? 2 : 0); }
};

// Token `position` of sequence `sequence` of a bench.
TokenId bench_token(int sequence, int position, int vocab);

struct BenchStep {
  int batch_tokens = 512;  // of a prompt, computed at once
  DType kv_dtype = DType::kF16;
};

// A runner for all the cases. Errors: kBadArgument where a case exceeds the model's context; kNoMemory where
// the caches exceed what can be counted.
RunnerOptions bench_runner_options(std::span<const BenchCase> cases, const BenchStep& step,
                                   const ModelDescription& model);

// What one repetition must at least read and compute.
Work work_of(const BenchCase& task, const ModelVolume& volume, const ModelDescription& model, DType kv_dtype);

class Bench {
 public:
  // Of bench_runner_options for the cases to come. The runner must outlive this.
  explicit Bench(Runner& runner);

  // Fills the caches up to the case's depth: before its repetitions.
  void prepare(const BenchCase& task);
  // Runs the case once.
  std::chrono::duration<double> repeat(const BenchCase& task);

 private:
  int blocks_of(const BenchCase& task) const;  // of one sequence
  std::span<const BlockId> blocks(int sequence) const;
  void feed(int position, int count, Outputs last);  // to the first sequence
  void decode(const BenchCase& task, int position);

  Runner& runner_;
  int block_tokens_;
  std::vector<BlockId> blocks_;  // 0, 1, 2, …
  std::vector<TokenId>
      tokens_;  // [max_context + sequences]: the token of (sequence, position) is their sum's
  std::vector<Chunk> chunks_;

  // What the caches hold: of the first `filled_` sequences, with `blocks_each_` blocks, the tokens up to
  // depth_.
  int blocks_each_ = 0;
  int depth_ = 0;
  int filled_ = 0;
};

}  // namespace ferrum
