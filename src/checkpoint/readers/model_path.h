// Which files a model is read from.
#pragma once
#include <filesystem>

namespace ferrum {

// `given` itself, or the GGUF file (the first of a split set) of a folder that has one and no safetensors.
// Errors: kNotFound, kIo; kBadArgument for a folder with several models.
std::filesystem::path model_path(const std::filesystem::path& given);

}  // namespace ferrum
