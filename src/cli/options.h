// Options that several commands share. Each is a flag, else an environment variable FERRUM_…, else a default.
#pragma once
#include <CLI/App.hpp>
#include <limits>
#include <map>
#include <optional>
#include <string>
#include <type_traits>
#include <vector>

#include "base/error.h"
#include "base/numbers.h"
#include "engine/backend_factory.h"
#include "ferrum/engine.h"

namespace ferrum::cli {

// Validators of an option's text. A missing or invalid number is an error, never replaced by another number.
CLI::Validator a_number();
CLI::Validator a_name();  // the name of a file or folder
CLI::Validator one_of(std::vector<std::string> choices);
template <class Number>
CLI::Validator from_to(Number lowest, Number highest = std::numeric_limits<Number>::max()) {
  const auto check = [=](const std::string& text) -> std::string {
    const std::optional<Number> value = whole_number<Number>(text);
    if (value && *value >= lowest && *value <= highest) return "";
    const bool has_most = highest < std::numeric_limits<Number>::max();
    return "must be a whole number " +
           (has_most ? "from " + std::to_string(lowest) + " to " + std::to_string(highest)
                     : "of " + std::to_string(lowest) + " or more") +
           ", not '" + text + "'";
  };
  return {check, ""};
}
constexpr int kMaxThreads = 1024;

// Throws kBadArgument for a text that is not such a number, or out of range.
template <class Number>
void set_number(Number& number, const std::string& text) {
  if (const std::optional<Number> value = number_from<Number>(text)) {
    number = *value;
    return;
  }
  if constexpr (std::is_unsigned_v<Number>)
    fail(ErrorCode::kBadArgument, "must be a whole number of 0 or more, not {}", in_quotes(text));
  else
    fail(ErrorCode::kBadArgument, "{} is not a {}number", in_quotes(text),
         std::is_integral_v<Number> ? "whole " : "");
}

// Each command adds the groups that apply to it.
void add_backend_options(CLI::App& command, EngineOptions& options);  // --backend, --threads, --activations
void add_kv_dtype_option(CLI::App& command, EngineOptions& options);
void add_batch_tokens_option(CLI::App& command, EngineOptions& options);
void add_max_context_option(CLI::App& command, EngineOptions& options);
void add_prefix_cache_option(CLI::App& command, EngineOptions& options);
void add_speculation_options(CLI::App& command,
                             EngineOptions& options);  // --speculate, --draft, --draft-tokens
// --lora, --max-loras, --lora-memory
void add_adapter_options(CLI::App& command, EngineOptions& options);
void add_device_memory_option(CLI::App& command, EngineOptions& options);
void add_pooling_option(CLI::App& command, std::string& pooling);
void add_trace_option(CLI::App& command, EngineOptions& options);
// --replay, --template, --replay-pieces. `model`: the option that names a model instead; null: none.
void add_replay_options(CLI::App& command, EngineOptions& options, CLI::Option* model);
BackendOptions backend_options(const EngineOptions& options);

// The sampling settings that the user gave, by name (sampling_settings.h); the others are the model's
// recommendation.
using SamplingFlags = std::map<std::string, std::vector<std::string>>;
void add_sampling_options(CLI::App& command, SamplingFlags& flags);
SamplingOptions over(const SamplingFlags& flags, SamplingOptions recommended);

// The file of the demonstration model that comes with Ferrum. Throws kNotFound if it is missing.
std::filesystem::path demonstration_model();

}  // namespace ferrum::cli
