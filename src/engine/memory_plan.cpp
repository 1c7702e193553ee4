#include "engine/memory_plan.h"

#include <algorithm>
#include <cstdint>
#include <functional>
#include <numeric>
#include <vector>

#include "base/error.h"
#include "base/human_bytes.h"
#include "checkpoint/adapters/adapter.h"
#include "engine/backend_factory.h"
#include "models/loader.h"
#include "models/mtp_head.h"
#include "models/state_layers.h"

namespace ferrum {
namespace {

// A long chat; more is a matter of asking, since every token costs memory.
constexpr int kDefaultContext = 8192;
constexpr int kMaxDraftTokens = 64;
// Rows of logits for prompts whose log probabilities are requested: as many of their tokens fit in a step.
constexpr int kPromptRows = 16;
constexpr int kMaxBatchTokens = 65536;
constexpr int kMaxSequences = 4096;
constexpr int kMaxAdapters = 1024;  // in memory at once
// Most sequences are shorter than the longest: these hold many.
constexpr int kRoomyContexts = 4;

void require_range(const char* name, int value, int least, int most) {
  if (value < least || value > most)
    fail(ErrorCode::kBadArgument, "{} must be from {} to {}, not {}", name, least, most, value);
}

// Of the tokens of all sequences. A token's place in the KV cache is a number of 31 bits, and each sequence
// may leave its last block partly empty.
int largest_kv_tokens(int sequences, int block_tokens) {
  return (INT32_MAX / block_tokens - (sequences - 1)) * block_tokens;
}

int chosen_context(const EngineOptions& options, const ModelDescription& model) {
  const bool is_free = model.layers.empty();  // nothing is kept of a token
  if (options.max_context == 0) return is_free ? model.context : std::min(model.context, kDefaultContext);
  if (options.max_context < 1 || options.max_context > model.context)
    fail(ErrorCode::kBadArgument, "a context of {} tokens: {} allows 1 to {}", options.max_context,
         model.name, model.context);
  return options.max_context;
}

// Two for each sequence of a step, one for each token of a draft, and those that are kept.
int state_slots(const EngineOptions& options, const ModelDescription& model) {
  constexpr uint64_t kLeast = 2, kMost = 256;
  const uint64_t bytes = state_bytes_of_slot(model);
  if (bytes == 0) return 0;
  const int drafted = options.speculate.empty() ? 0 : options.draft_tokens;
  return 2 * options.max_sequences + drafted +
         static_cast<int>(std::clamp(options.state_cache / bytes, kLeast, kMost));
}

}  // namespace

RunnerOptions runner_options(const EngineOptions& options, const ModelDescription& model) {
  const int context = chosen_context(options, model);
  require_range("batch_tokens", options.batch_tokens, 1, kMaxBatchTokens);
  require_range("max_sequences", options.max_sequences, 1, kMaxSequences);
  if (options.kv_tokens != 0 && options.kv_tokens < context)
    fail(ErrorCode::kBadArgument, "kv_tokens of {} hold no sequence of {} tokens", options.kv_tokens,
         context);
  if (const int most = largest_kv_tokens(options.max_sequences, RunnerOptions().block_tokens);
      options.kv_tokens > most)
    fail(ErrorCode::kBadArgument, "kv_tokens must be at most {}, not {}", most, options.kv_tokens);
  int drafted = 0;
  if (!options.speculate.empty()) {
    if (options.draft_tokens < 1 || options.draft_tokens > kMaxDraftTokens)
      fail(ErrorCode::kBadArgument, "draft_tokens must be from 1 to {}, not {}", kMaxDraftTokens,
           options.draft_tokens);
    if (model.mtp && options.draft_tokens > most_mtp_tokens(RunnerOptions().block_tokens))
      fail(ErrorCode::kBadArgument, "draft_tokens must be at most {} with an MTP head, not {}",
           most_mtp_tokens(RunnerOptions().block_tokens), options.draft_tokens);
    // With many sequences steps are full by themselves.
    drafted = std::max(options.draft_tokens, options.max_sequences);
  }
  require_range("max_adapters", options.max_adapters, 0, kMaxAdapters);
  const int adapters = options.max_adapters > 0
                           ? options.max_adapters
                           : std::min(static_cast<int>(options.adapters.size()), kMaxAdapters);
  const int outputs = options.max_sequences + std::max(drafted, std::min(kPromptRows, options.batch_tokens));
  const int kv_tokens = options.kv_tokens == 0 ? context : options.kv_tokens;
  const int rows = std::max(std::min(options.batch_tokens, kv_tokens), outputs);
  return {.max_tokens = rows,
          .max_sequences = options.max_sequences,
          .max_outputs = outputs,
          .max_context = context,
          .kv_tokens = kv_tokens,
          .state_slots = state_slots(options, model),
          .max_vectors = rows,
          .mtp_rows = model.mtp ? options.draft_tokens + 2 : 0,
          .adapters = adapters,
          .kv_dtype = parse_kv_dtype(options.kv_dtype),
          .behind_windows = RunnerOptions::BehindWindows::kGivenBack};
}

RunnerOptions roomy_runner_options(const EngineOptions& options, const ModelDescription& model,
                                   FunctionRef<bool(const RunnerOptions&)> fits) {
  const RunnerOptions least = runner_options(options, model);
  if (options.kv_tokens != 0) return least;
  EngineOptions more = options;
  for (int contexts = std::min(options.max_sequences, kRoomyContexts); contexts > 1; --contexts) {
    const int64_t tokens = int64_t{least.max_context} * contexts;
    if (tokens > largest_kv_tokens(options.max_sequences, least.block_tokens)) continue;
    more.kv_tokens = static_cast<int>(tokens);
    const RunnerOptions roomy = runner_options(more, model);
    if (fits(roomy)) return roomy;
  }
  return least;
}

MemoryPlan memory_plan(const Checkpoint& checkpoint, const RunnerOptions& options, const Backend& backend) {
  const std::vector<WeightSource> weights = weights_of(checkpoint);
  return memory_plan(checkpoint, options,
                     DeviceMemory{.kernels = backend.kernel_memory_for(weights),
                                  .growth = backend.growth_of(weights),
                                  .free = backend.free_bytes(),
                                  .kv_layout = backend.kv_layout()});
}

MemoryPlan memory_plan(const Checkpoint& checkpoint, const RunnerOptions& options,
                       const DeviceMemory& device) {
  const RunnerMemory memory = runner_memory(device.kv_layout, checkpoint.model(), options);
  return {.weights = checkpoint.bytes() + device.growth,
          .kv = memory.kv,
          .activations = memory.activations + device.kernels,
          .adapters = device.adapters,
          .free = device.free,
          .tokens = options.kv_tokens};
}

uint64_t planned_adapters(const EngineOptions& options, const Backend& backend) {
  std::vector<uint64_t> bytes;
  for (const NamedAdapter& adapter : options.adapters)
    bytes.push_back(adapter_bytes(adapter.path, backend.low_rank_dtype()));
  if (options.max_adapters > 0 && std::ssize(bytes) > options.max_adapters) {
    std::ranges::sort(bytes, std::greater());
    bytes.resize(static_cast<size_t>(options.max_adapters));
  }
  return std::min(std::accumulate(bytes.begin(), bytes.end(), uint64_t{0}), options.adapter_memory);
}

std::string parts_text(const MemoryPlan& plan) {
  std::string text = fmt::format("weights {}", human_bytes(plan.weights));
  if (plan.on_host > 0) text += fmt::format(" (and {} on the CPU)", human_bytes(plan.on_host));
  if (plan.kv > 0 || plan.tokens > 0)  // else a model that keeps nothing of a text
    text += fmt::format(" + KV cache {} for {} tokens", human_bytes(plan.kv), plan.tokens);
  text += fmt::format(" + activations {}", human_bytes(plan.activations));
  if (plan.adapters > 0) text += fmt::format(" + adapters {}", human_bytes(plan.adapters));
  return text;
}

void require_fit(const MemoryPlan& plan, const ModelDescription& model, std::string_view remedy) {
  if (plan.total() <= plan.free) return;
  fail(ErrorCode::kNoMemory, "{} needs {} = {}, and {} are free: {}", in_quotes(model.name),
       human_bytes(plan.total()), parts_text(plan), human_bytes(plan.free), remedy);
}

}  // namespace ferrum
