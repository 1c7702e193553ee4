// What `embed` and `rerank` have in common: texts from a file of JSON lines, computed together, and the
// numbers written to a safetensors file.
#pragma once
#include <CLI/App.hpp>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/json.h"
#include "engine/text_inputs.h"
#include "ferrum/engine.h"

namespace ferrum::cli {

struct TextJob {
  EngineOptions engine;
  std::string input, output;
  bool refuse_long = false;
};

// --input, --output, --no-truncate, and those of the backend.
void add_text_options(CLI::App& command, TextJob& job, const std::string& input, const std::string& output);

enum class TextKind : uint8_t { kEmbedding, kLabels };

// Calls make(line's value, inputs, line's number from 1) for each line, computes all, and writes
// finish(row of numbers) of each as the rows of the tensor `name`. Errors name file and line.
struct TextWork {
  TextKind use = TextKind::kEmbedding;
  std::string name;
  std::function<TextTokens(const Json& line, const TextInputs& inputs, TooLong too_long)> make;
  std::function<void(const ModelDescription& model, int width)> check = [](const ModelDescription&, int) {};
  std::function<std::vector<float>(const ModelDescription& model, std::span<const float> row)> finish;
};
void run_text_job(const TextJob& job, const TextWork& work);

}  // namespace ferrum::cli
