// Small files that the hub's cache and its settings consist of.
#pragma once
#include <filesystem>
#include <optional>
#include <string>

namespace ferrum::hub {

// The content of a regular file; nullopt if there is none of this name. Does not wait: throws kIo, naming the
// path, for a folder, a FIFO, a device, and without permission.
std::optional<std::string> text_of_file(const std::filesystem::path& path);

}  // namespace ferrum::hub
