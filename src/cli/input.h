// Reads a command's input.
#pragma once
#include <filesystem>
#include <string>

namespace ferrum::cli {

// The whole content of a file or pipe, or of standard input for "-". Throws kNotFound, or kIo (a folder, a
// device, a pipe that no process writes to).
std::string read_all(const std::filesystem::path& path);

}  // namespace ferrum::cli
