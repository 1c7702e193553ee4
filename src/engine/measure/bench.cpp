#include "engine/measure/bench.h"

#include <algorithm>

#include "base/check.h"
#include "base/error.h"
#include "base/random.h"

namespace ferrum {
namespace {

using Clock = std::chrono::steady_clock;
using Kind = BenchCase::Kind;

constexpr uint64_t kSeed = 0xF0;
constexpr int64_t kMaxKvTokens = int64_t{1} << 30;

int64_t blocks_for(int64_t tokens, int block_tokens) { return (tokens + block_tokens - 1) / block_tokens; }

std::string_view what(const BenchCase& task) {
  return task.kind == Kind::kPrompt ? "a prompt of" : "generating";
}

std::string after(const BenchCase& task) {
  if (task.through == BenchCase::Through::kEngine)
    return fmt::format(" after a prompt of {}", int64_t{task.depth} + 1);
  return task.depth > 0 ? fmt::format(" after {} others", task.depth) : "";
}

// Rows of the largest step that the case needs.
int64_t rows_of(const BenchCase& task, const RunnerOptions& runner, int batch_tokens) {
  if (task.through == BenchCase::Through::kModel) {
    const int prompt = task.kind == Kind::kPrompt ? std::max(task.tokens, task.depth) : task.depth;
    return std::max(std::min(prompt, batch_tokens), task.batch);
  }
  // The uncached rest of all prompts is computed in one step, so that the sequences stay together.
  const int64_t rest = task.depth % runner.block_tokens + 1;
  return std::max<int64_t>(task.batch * rest, std::min(task.depth + 1, batch_tokens));
}

}  // namespace

RunnerOptions bench_runner_options(std::span<const BenchCase> cases, const BenchStep& step,
                                   const ModelDescription& model) {
  RunnerOptions o = {.kv_dtype = step.kv_dtype};
  int64_t kv_tokens = 0;
  int64_t rows = 1;
  for (const BenchCase& task : cases) {
    check(task.tokens > 0 && task.batch > 0 && task.depth >= 0, "a case has tokens and sequences");
    if (task.context() > model.context)
      fail(ErrorCode::kBadArgument, "{} {} tokens{} is too much: the context of {} holds {}", what(task),
           task.tokens, after(task), in_quotes(model.name), model.context);
    rows = std::max(rows, rows_of(task, o, step.batch_tokens));
    o.max_sequences = std::max(o.max_sequences, task.batch);
    o.max_context = std::max(o.max_context, static_cast<int>(task.context()));
    kv_tokens = std::max(kv_tokens, task.batch * blocks_for(task.context(), o.block_tokens) * o.block_tokens);
  }
  if (kv_tokens > kMaxKvTokens)
    fail(ErrorCode::kNoMemory, "the cache of {} tokens is more than one process can hold", kv_tokens);
  o.kv_tokens = static_cast<int>(kv_tokens);
  o.max_tokens = static_cast<int>(rows);
  o.max_outputs = o.max_sequences;
  return o;
}

Work work_of(const BenchCase& task, const ModelVolume& volume, const ModelDescription& model,
             DType kv_dtype) {
  if (task.kind == Kind::kPrompt) return prompt_work(volume, model, kv_dtype, task.tokens, task.depth);
  Work work;
  for (int i = 0; i < task.tokens; ++i)
    work += decode_work(volume, model, kv_dtype, task.batch, int64_t{task.depth} + i + 1);
  return work;
}

TokenId bench_token(int sequence, int position, int vocab) {
  const uint64_t bits = random_bits(kSeed + static_cast<uint64_t>(sequence), static_cast<uint64_t>(position));
  return static_cast<TokenId>(bits % static_cast<uint64_t>(vocab));
}

Bench::Bench(Runner& runner)
    : runner_(runner),
      block_tokens_(runner.options().block_tokens),
      blocks_(first_blocks(runner.blocks())),
      tokens_(static_cast<size_t>(runner.options().max_context) + runner.options().max_sequences) {
  for (size_t i = 0; i < tokens_.size(); ++i)
    tokens_[i] = bench_token(0, static_cast<int>(i), runner.vocab());
  chunks_.reserve(static_cast<size_t>(runner.options().max_sequences));
}

int Bench::blocks_of(const BenchCase& task) const {
  return static_cast<int>(blocks_for(task.context(), block_tokens_));
}

std::span<const BlockId> Bench::blocks(int sequence) const {
  return std::span(blocks_).subspan(static_cast<size_t>(sequence) * blocks_each_,
                                    static_cast<size_t>(blocks_each_));
}

// The first sequence is computed; the others get copies of its blocks, so that each reads its own.
void Bench::prepare(const BenchCase& task) {
  if (blocks_of(task) != blocks_each_ || task.depth != depth_) {
    blocks_each_ = blocks_of(task);
    depth_ = task.depth;
    feed(0, depth_, Outputs::kNone);
    filled_ = 1;
  }
  std::vector<BlockCopy> copies;
  const auto filled_blocks = static_cast<int>(blocks_for(depth_, block_tokens_));
  for (; filled_ < task.batch; ++filled_)
    for (int block = 0; block < filled_blocks; ++block)
      copies.push_back({blocks(0)[static_cast<size_t>(block)], blocks(filled_)[static_cast<size_t>(block)]});
  runner_.copy_blocks(copies);
}

std::chrono::duration<double> Bench::repeat(const BenchCase& task) {
  check(task.depth == depth_ && blocks_of(task) == blocks_each_ && task.batch <= filled_, "a prepared case");
  const auto start = Clock::now();
  if (task.kind == Kind::kPrompt) {
    feed(task.depth, task.tokens, Outputs::kLast);
  } else {
    for (int i = 0; i < task.tokens; ++i) decode(task, task.depth + i);
  }
  return Clock::now() - start;
}

void Bench::feed(int position, int count, Outputs last) {
  const int end = position + count;
  while (position < end) {
    const int part = std::min(end - position, runner_.options().max_tokens);
    const Chunk chunk = {
        .tokens = std::span(tokens_).subspan(static_cast<size_t>(position), static_cast<size_t>(part)),
        .position = position,
        .blocks = blocks(0),
        .outputs = position + part == end ? last : Outputs::kNone};
    runner_.step(std::span(&chunk, 1));
    position += part;
  }
}

void Bench::decode(const BenchCase& task, int position) {
  chunks_.clear();
  for (int s = 0; s < task.batch; ++s)
    chunks_.push_back({.tokens = std::span(tokens_).subspan(static_cast<size_t>(position) + s, 1),
                       .position = position,
                       .blocks = blocks(s)});
  runner_.step(chunks_);
}

}  // namespace ferrum
