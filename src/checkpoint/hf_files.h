// The small files beside a Hugging Face model's weights: generation_config.json and the chat template.
#pragma once
#include <filesystem>
#include <optional>
#include <string>

#include "checkpoint/checkpoint.h"

namespace ferrum {

// What generation_config.json says; all unset where there is none. Errors kBadFile, kBadConfig naming the
// field.
GenerationDefaults hf_generation(const std::filesystem::path& folder, int vocab);

// chat_template.jinja, chat_template.json or tokenizer_config.json; of several named ones, "default".
std::optional<std::string> hf_chat_template(const std::filesystem::path& folder);

}  // namespace ferrum
