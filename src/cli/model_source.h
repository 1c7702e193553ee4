// Resolves MODEL on a command line: a file, a folder, or the name of a model in the cache.
#pragma once
#include <filesystem>
#include <string>

namespace ferrum::cli {

// What to do if the named model is not in the cache but may be on the hub.
enum class Missing {
  kFails,    // with an error that names the pull command
  kIsPulled  // after confirmation on a terminal, otherwise as kFails
};

// The path for Checkpoint::open. A file or folder has priority over a name. Throws kNotFound with the most
// similar names in the cache.
std::filesystem::path find_model(const std::filesystem::path& given, Missing missing = Missing::kFails);

constexpr const char* kModelHelp =
    "A .gguf file, a Hugging Face folder, or a model's name, as in org/model:Q4_K_M";

// For commands whose MODEL may be left out.
inline const std::string kOptionalModelHelp = std::string(kModelHelp) + "; default: the demonstration model";

}  // namespace ferrum::cli
