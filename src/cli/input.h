// Reading what a command works on.
#pragma once
#include <filesystem>
#include <string>

namespace ferrum::cli {

// All of a file or pipe, or of standard input for "-". Errors kNotFound, kIo.
std::string read_all(const std::filesystem::path& path);

}  // namespace ferrum::cli
