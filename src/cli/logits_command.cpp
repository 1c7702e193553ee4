// ferrum logits: computes the logits of given tokens, for comparison with other engines.
#include <fmt/format.h>
#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstring>
#include <memory>
#include <numeric>

#include "base/error.h"
#include "checkpoint/adapters/adapter.h"
#include "checkpoint/checkpoint.h"
#include "checkpoint/safetensors/safetensors.h"
#include "checkpoint/safetensors/safetensors_writer.h"
#include "cli/command.h"
#include "cli/interrupts.h"
#include "cli/model_source.h"
#include "cli/options.h"
#include "cli/progress.h"
#include "engine/backend_factory.h"
#include "engine/memory_plan.h"
#include "models/adapter_tables.h"

namespace ferrum::cli {
namespace {

struct LogitsOptions {
  EngineOptions engine;
  std::string tokens;
  std::string out;
  int chunk = 0;
  bool hidden = false;
  bool mtp = false;
  std::string lora;
  float lora_scale = 1;
};

constexpr size_t kMaxTokens = 1 << 28;
constexpr int kRowsAtOnce = 256;  // rows of logits, unless --chunk is given

struct Batch {
  int sequences = 0;
  int length = 0;
  std::vector<TokenId> ids;         // [sequences, length]
  std::vector<VectorRows> vectors;  // [sequences], where all ids are kVectorRow; else empty

  size_t rows() const { return static_cast<size_t>(sequences) * static_cast<size_t>(length); }
  std::span<const TokenId> chunk(int sequence, int begin, int count) const {
    return std::span(ids).subspan(static_cast<size_t>(sequence) * length + begin, static_cast<size_t>(count));
  }
};

void check_shape(const std::string& path, const char* name, const std::vector<int64_t>& shape) {
  if (shape[0] > 1 << 16 || shape[0] * shape[1] > static_cast<int64_t>(kMaxTokens))
    fail(ErrorCode::kBadFile, "{}: {} is too large: [{}]", path, name, fmt::join(shape, ", "));
}

Batch read_vectors(const SafetensorsFile& file, const std::string& path, int hidden) {
  const HostTensor tensor = file.tensor("inputs_embeds");
  if (tensor.shape.size() != 3 || tensor.shape[0] < 1 || tensor.shape[1] < 1 || tensor.shape[2] != hidden)
    fail(ErrorCode::kBadFile,
         "{}: inputs_embeds has the shape [{}]; it must be [sequences, tokens, {}], none of them 0", path,
         fmt::join(tensor.shape, ", "), hidden);
  check_shape(path, "inputs_embeds", tensor.shape);
  Batch batch = {static_cast<int>(tensor.shape[0]), static_cast<int>(tensor.shape[1]), {}, {}};
  batch.ids.assign(batch.rows(), kVectorRow);
  const std::vector<float> values = decoded(tensor);
  const auto each = static_cast<std::ptrdiff_t>(values.size()) / batch.sequences;
  for (int s = 0; s < batch.sequences; ++s) {
    VectorRows& rows = batch.vectors.emplace_back();
    rows.positions.resize(static_cast<size_t>(batch.length));
    std::iota(rows.positions.begin(), rows.positions.end(), 0);
    rows.values.assign(values.begin() + s * each, values.begin() + (s + 1) * each);
  }
  return batch;
}

Batch read_batch(const std::string& path, const ModelDescription& model) {
  const std::unique_ptr<SafetensorsFile> file = SafetensorsFile::open(path);
  if (file->find("input_ids") == nullptr && file->find("inputs_embeds") != nullptr)
    return read_vectors(*file, path, model.hidden);
  const int vocab = model.vocab;
  const std::vector<int64_t> values = file->integers("input_ids");
  const std::vector<int64_t>& shape = file->find("input_ids")->shape;
  if (shape.size() != 2 || values.empty())
    fail(ErrorCode::kBadFile, "{}: input_ids must have the shape [sequences, tokens], none of them 0", path);
  check_shape(path, "input_ids", shape);
  Batch batch = {static_cast<int>(shape[0]), static_cast<int>(shape[1]), {}, {}};
  for (const int64_t id : values) {
    if (id < 0 || id >= vocab)
      fail(ErrorCode::kBadFile, "{}: input_ids has {}, the vocabulary 0 to {}", path, id, vocab - 1);
    batch.ids.push_back(static_cast<TokenId>(id));
  }
  return batch;
}

RunnerOptions runner_options(const LogitsOptions& o, const Batch& batch) {
  const int chunk = std::clamp(o.chunk > 0 ? o.chunk : kRowsAtOnce / batch.sequences, 1, batch.length);
  const int64_t rows = int64_t{chunk} * batch.sequences;
  const int64_t tokens = int64_t{batch.length} * batch.sequences;
  constexpr int64_t kMostTokens = 1 << 30;
  if (tokens > kMostTokens)
    fail(ErrorCode::kNoMemory, "{} sequences of {} tokens are more than the cache can hold: use fewer tokens",
         batch.sequences, batch.length);
  return {.max_tokens = static_cast<int>(rows),
          .max_sequences = batch.sequences,
          .max_outputs = static_cast<int>(rows),
          .max_context = batch.length,
          .kv_tokens = static_cast<int>(tokens),
          .max_vectors = batch.vectors.empty() ? 0 : static_cast<int>(rows),
          .mtp_rows = o.mtp ? RunnerOptions().block_tokens : 0,  // those of all positions
          .adapters = o.lora.empty() ? 0 : 1,
          .kv_dtype = parse_kv_dtype(o.engine.kv_dtype)};
}

struct Results {
  std::vector<float> logits;  // [sequences, length, vocab]
  std::vector<float> hidden;  // [sequences, length, hidden], or empty
  std::vector<float> mtp;     // [sequences, length - 1, vocab], or empty
};

// Moves what a step gave, [sequences, count, width], to its place in [sequences, length, width].
void place(std::span<const float> step, int sequences, int begin, int count, std::vector<float>& all) {
  const auto width = static_cast<ptrdiff_t>(step.size()) / (ptrdiff_t{1} * sequences * count);
  const auto each = static_cast<ptrdiff_t>(all.size()) / sequences;
  for (int s = 0; s < sequences; ++s)
    std::copy_n(step.begin() + s * count * width, count * width, all.begin() + s * each + begin * width);
}

Results compute(Runner& runner, const Batch& batch, const AdapterUse& adapter, bool with_hidden,
                bool with_mtp) {
  const int vocab = runner.vocab();
  const int blocks_each = runner.blocks() / batch.sequences;
  const std::vector<BlockId> blocks = first_blocks(runner.blocks());

  const auto hidden = static_cast<size_t>(runner.checkpoint().model().hidden);
  Results results = {
      std::vector<float>(batch.rows() * static_cast<size_t>(vocab)),
      std::vector<float>(with_hidden ? batch.rows() * hidden : 0),
      std::vector<float>(
          with_mtp ? (batch.rows() - static_cast<size_t>(batch.sequences)) * static_cast<size_t>(vocab) : 0)};
  Progress progress("logits");
  std::vector<Chunk> chunks(static_cast<size_t>(batch.sequences));
  const int chunk = runner.options().max_tokens / batch.sequences;
  const auto take_chunks = [&](int begin, int count) {
    for (int s = 0; s < batch.sequences; ++s)
      chunks[static_cast<size_t>(s)] = {
          .tokens = batch.chunk(s, begin, count),
          .position = begin,
          .blocks = std::span(blocks).subspan(static_cast<size_t>(s) * blocks_each, blocks_each),
          .outputs = Outputs::kAll,
          .vectors = batch.vectors.empty() ? nullptr : &batch.vectors[static_cast<size_t>(s)],
          .adapter = adapter};
  };
  for (int begin = 0; begin < batch.length; begin += chunk) {
    const int count = std::min(chunk, batch.length - begin);
    take_chunks(begin, count);
    place(runner.step(chunks), batch.sequences, begin, count, results.logits);
    if (with_hidden) {
      std::vector<float> states(static_cast<size_t>(count) * static_cast<size_t>(batch.sequences) * hidden);
      runner.read_hidden(states);
      place(states, batch.sequences, begin, count, results.hidden);
    }
    // The head's row of a position takes the hidden state before it.
    if (const int rows = std::min(count, batch.length - 1 - begin); with_mtp && rows > 0) {
      take_chunks(begin + 1, rows);
      place(runner.step_mtp(chunks), batch.sequences, begin, rows, results.mtp);
    }
    progress.update(static_cast<uint64_t>(begin) + count, static_cast<uint64_t>(batch.length));
  }
  return results;
}

void logits_command(const LogitsOptions& o) {
  const Interrupts interrupts;
  const std::shared_ptr<const Checkpoint> checkpoint =
      Checkpoint::open(find_model(o.engine.model), {.mtp = CheckpointParts::demand_if(o.mtp)});
  const ModelDescription& model = checkpoint->model();
  const Batch batch = read_batch(o.tokens, model);
  std::optional<Adapter> adapter;
  if (!o.lora.empty()) adapter = read_adapter(o.lora, *checkpoint);
  if (batch.length > model.context)
    fail(ErrorCode::kContextFull, "{}: sequences of {} tokens, the model's context holds {}", o.tokens,
         batch.length, model.context);
  if (o.mtp && batch.length < 2)
    fail(ErrorCode::kBadArgument, "{}: sequences of one token: --mtp needs two", o.tokens);
  std::unique_ptr<Backend> backend = make_backend(backend_options(o.engine));
  const RunnerOptions options = runner_options(o, batch);
  MemoryPlan plan = memory_plan(*checkpoint, options, *backend);
  // All the results.
  plan.activations +=
      batch.rows() * static_cast<size_t>((o.mtp ? 2 : 1) * model.vocab + model.hidden) * sizeof(float);
  if (adapter) plan.activations += static_cast<uint64_t>(adapter->parameters()) * sizeof(float);
  require_fit(plan, model, "take fewer tokens, or a file of a smaller type");
  // Opened first, so that a failure comes before the work.
  std::vector<SafetensorsDeclaration> outputs = {
      {"logits", "F32", {batch.sequences, batch.length, model.vocab}}};
  if (o.hidden) outputs.push_back({"hidden", "F32", {batch.sequences, batch.length, model.hidden}});
  if (o.mtp) outputs.push_back({"mtp_logits", "F32", {batch.sequences, batch.length - 1, model.vocab}});
  SafetensorsWriter writer(o.out, outputs);

  Progress loading("loading");
  Runner runner(std::move(backend), checkpoint, options,
                [&](uint64_t done, uint64_t total) { loading.update(done, total); });
  AdapterUse use;
  if (adapter) {
    AdapterTables& tables = *runner.model().adapters();
    tables.install(runner.backend(), 0, tables.prepare(*adapter));
    use = {.slot = 0, .scale = o.lora_scale, .changes_experts = adapter->changes_experts()};
  }
  const Results results = compute(runner, batch, use, o.hidden, o.mtp);
  writer.append(std::as_bytes(std::span(results.logits)));
  if (o.hidden) writer.append(std::as_bytes(std::span(results.hidden)));
  if (o.mtp) writer.append(std::as_bytes(std::span(results.mtp)));
  writer.finish();
}

}  // namespace

void add_logits(CLI::App& app) {
  auto o = std::make_shared<LogitsOptions>();
  o->engine.kv_dtype = "f32";  // for exact comparison
  CLI::App& command = *app.add_subcommand("logits", "Compute the logits of given tokens");
  command.add_option("MODEL", o->engine.model, kModelHelp)->required()->check(a_name());
  command
      .add_option("--tokens", o->tokens,
                  "A .safetensors file with input_ids [sequences, tokens] int64, or with\n"
                  "inputs_embeds [sequences, tokens, hidden size]: vectors instead of tokens")
      ->required()
      ->check(a_name());
  command.add_option("--out", o->out, "Output: logits [sequences, tokens, vocabulary] float32")
      ->required()
      ->check(a_name());
  command.add_flag(
      "--hidden", o->hidden,
      "Also write hidden [sequences, tokens, hidden size] float32: the states behind the last norm");
  command.add_flag(
      "--mtp", o->mtp,
      "Also write mtp_logits [sequences, tokens - 1, vocabulary] float32, of the model's head that\n"
      "predicts further tokens: row t has the hidden state of token t and the token t + 1, for t + 2");
  command.add_option("--lora", o->lora, "A LoRA adapter: a folder as PEFT saves it, or a GGUF file")
      ->check(a_name());
  command.add_option("--lora-scale", o->lora_scale, "Factor of what the adapter adds")->capture_default_str();
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
