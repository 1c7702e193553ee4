// Loads a model and shows the progress.
#pragma once
#include <filesystem>
#include <memory>
#include <string>

#include "ferrum/engine.h"

namespace ferrum::cli {

// One line about the model to load: "model.gguf: 'Qwen3 0.6B' (qwen3, GGUF v3, Q8_0, 596.0 M parameters),
// context 8192; 1.55 GiB needed = weights … + KV cache … + activations …; 21.3 GiB free".
std::string plan_text(const std::string& file, const ModelInfo& model, const MemoryPlan& memory);

// The model's label in that line: the file or folder, otherwise the name given by the user.
std::string label_of(const std::filesystem::path& given);

// Whether loading first writes that line to standard error.
enum class ShowPlan { kOnTerminals, kAlways };
// Loads with a progress bar.
std::unique_ptr<Engine> load_model(const EngineOptions& options, const std::string& label,
                                   ShowPlan show_plan);

// A model that is to generate text: one whose files name a pooling as well generates text. Error kUnsupported
// for one that makes embeddings or scores only.
std::unique_ptr<Engine> load_text_model(EngineOptions options, const std::string& label, ShowPlan show_plan);

}  // namespace ferrum::cli
