#include "engine/memory_plan.h"

#include "base/error.h"
#include "base/human_bytes.h"

namespace ferrum {

MemoryPlan memory_plan(const Checkpoint& checkpoint, const RunnerOptions& options, uint64_t free) {
  const RunnerMemory memory = runner_memory(checkpoint.model(), options);
  return {.weights = checkpoint.bytes(),
          .kv = memory.kv,
          .activations = memory.activations,
          .free = free,
          .tokens = options.kv_tokens};
}

std::string parts_text(const MemoryPlan& plan) {
  return fmt::format("weights {} + KV cache {} for {} tokens + activations {}", human_bytes(plan.weights),
                     human_bytes(plan.kv), plan.tokens, human_bytes(plan.activations));
}

void require_fit(const MemoryPlan& plan, const ModelDescription& model, std::string_view remedy) {
  if (plan.total() <= plan.free) return;
  fail(ErrorCode::kNoMemory, "{} needs {} = {}, and {} are free: {}, or a file of a smaller type",
       in_quotes(model.name), human_bytes(plan.total()), parts_text(plan), human_bytes(plan.free), remedy);
}

}  // namespace ferrum
