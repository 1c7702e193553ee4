// ferrum logits: computes the logits of given tokens, for comparison with other engines.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstring>
#include <memory>

#include "base/error.h"
#include "checkpoint/checkpoint.h"
#include "checkpoint/safetensors.h"
#include "checkpoint/safetensors_writer.h"
#include "cli/command.h"
#include "cli/interrupts.h"
#include "cli/model_source.h"
#include "cli/options.h"
#include "cli/progress.h"
#include "engine/backend_factory.h"
#include "engine/memory_plan.h"

namespace ferrum::cli {
namespace {

struct LogitsOptions {
  EngineOptions engine;
  std::string tokens;
  std::string out;
  int chunk = 0;
};

constexpr size_t kMaxTokens = 1 << 28;
constexpr int kRowsAtOnce = 256;  // rows of logits, unless --chunk is given

struct Batch {
  int sequences = 0;
  int length = 0;
  std::vector<TokenId> ids;  // [sequences, length]

  std::span<const TokenId> chunk(int sequence, int begin, int count) const {
    return std::span(ids).subspan(static_cast<size_t>(sequence) * length + begin, static_cast<size_t>(count));
  }
};

Batch read_batch(const std::string& path, int vocab) {
  const std::unique_ptr<SafetensorsFile> file = SafetensorsFile::open(path);
  const std::vector<int64_t> values = file->integers("input_ids");
  const std::vector<int64_t>& shape = file->find("input_ids")->shape;
  if (shape.size() != 2 || values.empty())
    fail(ErrorCode::kBadFile, "{}: input_ids must have the shape [sequences, tokens], none of them 0", path);
  if (shape[0] > 1 << 16 || values.size() > kMaxTokens)
    fail(ErrorCode::kBadFile, "{}: input_ids is too large: [{}, {}]", path, shape[0], shape[1]);
  Batch batch = {static_cast<int>(shape[0]), static_cast<int>(shape[1]), {}};
  for (const int64_t id : values) {
    if (id < 0 || id >= vocab)
      fail(ErrorCode::kBadFile, "{}: input_ids has {}, the vocabulary 0 to {}", path, id, vocab - 1);
    batch.ids.push_back(static_cast<TokenId>(id));
  }
  return batch;
}

RunnerOptions runner_options(const LogitsOptions& o, const Batch& batch) {
  const int chunk = std::clamp(o.chunk > 0 ? o.chunk : kRowsAtOnce / batch.sequences, 1, batch.length);
  const int rows = chunk * batch.sequences;
  return {.max_tokens = rows,
          .max_sequences = batch.sequences,
          .max_outputs = rows,
          .max_context = batch.length,
          .kv_tokens = batch.length * batch.sequences,
          .kv_dtype = parse_kv_dtype(o.engine.kv_dtype)};
}

// [sequences, length, vocab]
std::vector<float> compute(Runner& runner, const Batch& batch) {
  const int vocab = runner.vocab();
  const int blocks_each = runner.blocks() / batch.sequences;
  const std::vector<BlockId> blocks = first_blocks(runner.blocks());

  std::vector<float> logits(batch.ids.size() * static_cast<size_t>(vocab));
  Progress progress("logits");
  std::vector<Chunk> chunks(static_cast<size_t>(batch.sequences));
  const int chunk = runner.options().max_tokens / batch.sequences;
  for (int begin = 0; begin < batch.length; begin += chunk) {
    const int count = std::min(chunk, batch.length - begin);
    for (int s = 0; s < batch.sequences; ++s)
      chunks[static_cast<size_t>(s)] = {
          .tokens = batch.chunk(s, begin, count),
          .position = begin,
          .blocks = std::span(blocks).subspan(static_cast<size_t>(s) * blocks_each, blocks_each),
          .outputs = Outputs::kAll};
    const std::span<const float> result = runner.step(chunks);
    const size_t part = static_cast<size_t>(count) * vocab;
    for (int s = 0; s < batch.sequences; ++s)
      std::copy_n(result.begin() + static_cast<ptrdiff_t>(s * part), part,
                  logits.begin() + (static_cast<ptrdiff_t>(s) * batch.length + begin) * vocab);
    progress.update(static_cast<uint64_t>(begin) + count, static_cast<uint64_t>(batch.length));
  }
  return logits;
}

void logits_command(const LogitsOptions& o) {
  const Interrupts interrupts;
  const std::shared_ptr<const Checkpoint> checkpoint = Checkpoint::open(find_model(o.engine.model));
  const ModelDescription& model = checkpoint->model();
  const Batch batch = read_batch(o.tokens, model.vocab);
  if (batch.length > model.context)
    fail(ErrorCode::kContextFull, "{}: sequences of {} tokens, the model's context holds {}", o.tokens,
         batch.length, model.context);
  std::unique_ptr<Backend> backend = make_backend(backend_options(o.engine));
  const RunnerOptions options = runner_options(o, batch);
  MemoryPlan plan = memory_plan(*checkpoint, options, backend->free_bytes());
  plan.activations += batch.ids.size() * static_cast<size_t>(model.vocab) * sizeof(float);  // all logits
  require_fit(plan, model, "take fewer tokens, or a file of a smaller type");
  // Opened first, so that a failure comes before the work.
  SafetensorsWriter writer(o.out, {{"logits", "F32", {batch.sequences, batch.length, model.vocab}}});

  Progress loading("loading");
  Runner runner(std::move(backend), checkpoint, options,
                [&](uint64_t done, uint64_t total) { loading.update(done, total); });
  const std::vector<float> logits = compute(runner, batch);
  writer.append(std::as_bytes(std::span(logits)));
  writer.finish();
}

}  // namespace

void add_logits(CLI::App& app) {
  auto o = std::make_shared<LogitsOptions>();
  o->engine.kv_dtype = "f32";  // for exact comparison
  CLI::App& command = *app.add_subcommand("logits", "Compute the logits of given tokens");
  command.add_option("MODEL", o->engine.model, kModelHelp)->required()->check(a_name());
  command.add_option("--tokens", o->tokens, "A .safetensors file with input_ids [sequences, tokens] int64")
      ->required()
      ->check(a_name());
  command.add_option("--out", o->out, "Output: logits [sequences, tokens, vocabulary] float32")
      ->required()
      ->check(a_name());
  command.add_option("--chunk", o->chunk, "Tokens of each sequence per pass; 0: automatic")
      ->check(from_to(0))
      ->capture_default_str();
  add_backend_options(command, o->engine);
  add_kv_dtype_option(command, o->engine);
  command.footer(
      "All sequences run in one batch. No tokenizer is needed.\n\n"
      "Example:\n"
      "  ferrum logits hf-folder --tokens ids.safetensors --out logits.safetensors --backend reference");
  command.callback([o] { logits_command(*o); });
}

}  // namespace ferrum::cli
