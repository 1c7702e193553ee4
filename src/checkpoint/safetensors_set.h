// The safetensors files of one Hugging Face folder: model.safetensors, or the shards that
// model.safetensors.index.json lists, or the one file that GPTQ tools call gptq_model….safetensors.
#pragma once
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "checkpoint/safetensors.h"

namespace ferrum {

// What the index says: file names without folders, each once, and which tensor is where.
struct SafetensorsIndex {
  std::vector<std::string> files;
  std::vector<std::pair<std::string, std::string>> tensors;  // name, file
};

// Errors: kBadFile for anything but the names of files beside it (B19: "..", absolute paths), kBadConfig for
// fields of another type.
SafetensorsIndex parse_safetensors_index(std::string_view json, const std::string& source);

// Errors: those of SafetensorsFile::open; kNotFound listing absent shards (B15, B19) or saying what is there
// instead of safetensors files (B20: pickle files are refused); kBadFile for a tensor that is in another
// shard than the index says.
std::vector<std::unique_ptr<SafetensorsFile>> open_safetensors_set(const std::filesystem::path& folder);

}  // namespace ferrum
