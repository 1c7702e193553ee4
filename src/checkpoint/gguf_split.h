// A GGUF model of one file or of a split set: <name>-00001-of-00003.gguf and so on.
#pragma once
#include <filesystem>
#include <memory>
#include <vector>

#include "checkpoint/gguf.h"

namespace ferrum {

// `path` is the file, or any one of the set; the result is in order, and the first has the model's metadata.
// Errors: those of GgufFile::open; fault B15: files missing (listed), in another order than their names say,
// or of another set.
std::vector<std::unique_ptr<GgufFile>> open_gguf_set(const std::filesystem::path& path);

}  // namespace ferrum
