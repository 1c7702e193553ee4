// What MODEL means on a command line: a file or folder, or the name of a model in the cache.
#pragma once
#include <filesystem>
#include <string>

namespace ferrum::cli {

// What to do if the named model is not in the cache but may be on the hub.
enum class Missing {
  kFails,    // and names the command that pulls it
  kIsPulled  // after confirmation on a terminal; elsewhere as kFails
};

// The path that Checkpoint::open takes. What lies on the disk goes before a name. Error kNotFound, with the
// nearest names that there are.
std::filesystem::path find_model(const std::filesystem::path& given, Missing missing = Missing::kFails);

constexpr const char* kModelHelp =
    "A .gguf file, a Hugging Face folder, or a model's name, as in org/model:Q4_K_M";

}  // namespace ferrum::cli
