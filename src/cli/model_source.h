// What MODEL means on a command line: a file or folder, or the name of a model in the cache.
#pragma once
#include <filesystem>
#include <string>

namespace ferrum::cli {

// What happens where a model of that name is not here but may be at the hub.
enum class Missing {
  kFails,    // with the command that gets it
  kIsPulled  // if somebody at the terminal says so; else the same
};

// The path that Checkpoint::open takes. What lies on the disk goes before a name. Error kNotFound, with the
// nearest names that there are.
std::filesystem::path find_model(const std::filesystem::path& given, Missing missing = Missing::kFails);

constexpr const char* kModelHelp =
    "A .gguf file, a Hugging Face folder, or a model's name, as in org/model:Q4_K_M";

}  // namespace ferrum::cli
