// The memory that a model needs, reported and compared with what is free before anything is allocated.
#pragma once
#include <string>
#include <string_view>

#include "backend/kv_lanes.h"
#include "base/function_ref.h"
#include "checkpoint/checkpoint.h"
#include "engine/runner.h"
#include "ferrum/engine.h"

namespace ferrum {

// What an engine with these options asks of its runner. Error kBadArgument for a context that the model
// lacks.
RunnerOptions runner_options(const EngineOptions& options, const ModelDescription& model);

// The same, but if the size of the KV cache was not given: several contexts for several sequences,
// as many as `fits` allows.
RunnerOptions roomy_runner_options(const EngineOptions& options, const ModelDescription& model,
                                   FunctionRef<bool(const RunnerOptions&)> fits);

// Of a runner with these options on a backend.
MemoryPlan memory_plan(const Checkpoint& checkpoint, const RunnerOptions& options, const Backend& backend);
// The same, given what the backend would say.
struct DeviceMemory {
  uint64_t kernels = 0;   // bytes that its kernels will keep (Backend::kernel_memory_for)
  uint64_t growth = 0;    // bytes of packed weights beyond their files' (Backend::growth_of)
  uint64_t free = 0;      // bytes
  uint64_t adapters = 0;  // bytes of those that are loaded at the start (planned_adapters)
  KvLayout kv_layout = kv_in_lanes;
};
MemoryPlan memory_plan(const Checkpoint& checkpoint, const RunnerOptions& options,
                       const DeviceMemory& device);

// The bytes of the adapters that an engine with these options loads at its start, as far as they may be in
// memory at once. Errors: those of opening their files.
uint64_t planned_adapters(const EngineOptions& options, const Backend& backend);

// "weights 4.60 GiB + KV cache 1.12 GiB for 8192 tokens + activations 18.2 MiB"
std::string parts_text(const MemoryPlan& plan);

// `remedy` is what the user can do: "what fits: --max-context 4096" (what_fits.h). Error kNoMemory with the
// numbers.
void require_fit(const MemoryPlan& plan, const ModelDescription& model, std::string_view remedy);

}  // namespace ferrum
