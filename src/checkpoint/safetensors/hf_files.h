// The small files beside a Hugging Face model's weights: generation_config.json and the chat template.
#pragma once
#include <filesystem>
#include <optional>
#include <string>

#include "checkpoint/checkpoint.h"

namespace ferrum {

// The contents of generation_config.json; unset where there is no such file. A field that is not of its type
// is left out with a warning. Error kBadFile where the file is not JSON.
GenerationDefaults hf_generation(const std::filesystem::path& folder, int vocab);

// The template of chat_template.jinja, chat_template.json or tokenizer_config.json; where it has several
// named templates, the one named "default".
std::optional<std::string> hf_chat_template(const std::filesystem::path& folder);

}  // namespace ferrum
