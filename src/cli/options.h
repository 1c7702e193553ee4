// Options that several commands share. Each is a flag, else an environment variable FERRUM_…, else a default.
#pragma once
#include <CLI/App.hpp>
#include <charconv>
#include <limits>
#include <optional>
#include <string>

#include "engine/backend_factory.h"
#include "ferrum/engine.h"

namespace ferrum::cli {

// Checks of an option's text. A number that is missing or does not fit is an error, not another number.
CLI::Validator a_number();
CLI::Validator a_name();  // of a file or folder
template <class Number>
CLI::Validator from_to(Number lowest, Number highest = std::numeric_limits<Number>::max()) {
  const auto check = [=](const std::string& text) -> std::string {
    Number value = 0;
    const char* const last = text.data() + text.size();
    const auto [end, error] = std::from_chars(text.data(), last, value);
    if (error == std::errc() && end == last && value >= lowest && value <= highest) return "";
    const bool has_most = highest < std::numeric_limits<Number>::max();
    return "must be a whole number " +
           (has_most ? "from " + std::to_string(lowest) + " to " + std::to_string(highest)
                     : "of " + std::to_string(lowest) + " or more") +
           ", not '" + text + "'";
  };
  return {check, ""};
}
constexpr int kMaxThreads = 1024;

// A command takes those that mean something to it.
void add_backend_options(CLI::App& command, EngineOptions& options);  // --backend, --threads, --activations
void add_kv_dtype_option(CLI::App& command, EngineOptions& options);
void add_batch_tokens_option(CLI::App& command, EngineOptions& options);
void add_max_context_option(CLI::App& command, EngineOptions& options);
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
