// Options that several commands share. Each is a flag, else an environment variable FERRUM_…, else a default.
#pragma once
#include <CLI/App.hpp>
#include <optional>

#include "engine/backend_factory.h"
#include "ferrum/engine.h"

namespace ferrum::cli {

// --backend, --threads, --batch-tokens, --activations, --kv-dtype
void add_step_options(CLI::App& command, EngineOptions& options);
// These and --max-context.
void add_engine_options(CLI::App& command, EngineOptions& options);
BackendOptions backend_options(const EngineOptions& options);

// What the user said about sampling; what he did not say is the model's recommendation.
struct SamplingFlags {
  std::optional<float> temperature, top_p, min_p, repetition_penalty;
  std::optional<int> top_k, repetition_window;
  std::optional<uint64_t> seed;

  SamplingOptions over(SamplingOptions recommended) const;
};
void add_sampling_options(CLI::App& command, SamplingFlags& flags);

// The file of the demonstration model that comes with Ferrum. Error kNotFound if it is not where it belongs.
std::filesystem::path demonstration_model();

}  // namespace ferrum::cli
