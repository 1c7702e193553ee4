// Loads a model and shows the progress.
#pragma once
#include <filesystem>
#include <memory>
#include <string>

#include "ferrum/engine.h"

namespace ferrum::cli {

// What is about to be loaded, on one line: "model.gguf: 'Qwen3 0.6B' (qwen3, GGUF v3, Q8_0, 596.0 M
// parameters), context 8192; 1.55 GiB needed = weights … + KV cache … + activations …; 21.3 GiB free".
std::string plan_text(const std::string& file, const ModelInfo& model, const MemoryPlan& memory);

// The model's name in that line: the file or folder, else the name given by the user.
std::string label_of(const std::filesystem::path& given);

// Loads with a progress bar. If `says` is set, writes the line to standard error first.
enum class Says { kOnTerminals, kAlways };
std::unique_ptr<Engine> load_model(const EngineOptions& options, const std::string& label, Says says);

}  // namespace ferrum::cli
