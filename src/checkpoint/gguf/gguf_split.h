// A GGUF model of one file or of a split set: <name>-00001-of-00003.gguf and so on.
#pragma once
#include <filesystem>
#include <memory>
#include <vector>

#include "checkpoint/gguf/gguf.h"

namespace ferrum {

// `path` is the file, or any one of the set; the result is in order, and the first has the model's metadata.
// Errors: those of GgufFile::open; fault B15: files are missing (listed), belong to another set, or are in
// another order than by their names.
std::vector<std::unique_ptr<GgufFile>> open_gguf_set(const std::filesystem::path& path);

}  // namespace ferrum
