// Loading a model while somebody waits.
#pragma once
#include <filesystem>
#include <memory>
#include <string>

#include "ferrum/engine.h"

namespace ferrum::cli {

// What is about to be loaded, on one line: "model.gguf: 'Qwen3 0.6B' (qwen3, GGUF v3, Q8_0, 596.0 M
// parameters), context 8192; 1.55 GiB needed = weights … + KV cache … + activations …; 21.3 GiB free".
std::string plan_text(const std::string& file, const ModelInfo& model, const MemoryPlan& memory);

// What a model is called there: the file or folder, else the name that the user gave it.
std::string label_of(const std::filesystem::path& given);

// With a bar. Where `says` is so, the line is written to standard error first.
enum class Says { kOnTerminals, kAlways };
std::unique_ptr<Engine> load_model(const EngineOptions& options, const std::string& label, Says says);

}  // namespace ferrum::cli
