// The safetensors files of one Hugging Face folder: model.safetensors; or the shards that
// model.safetensors.index.json lists; or, without an index, a complete set of numbered shards
// (model-00001-of-00003.safetensors, …) or the one file that GPTQ tools name gptq_model….safetensors.
#pragma once
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/function_ref.h"
#include "checkpoint/safetensors/safetensors.h"

namespace ferrum {

// Contents of the index: file names without folders, each once, and the file of each tensor.
struct SafetensorsIndex {
  std::vector<std::string> files;
  std::vector<std::pair<std::string, std::string>> tensors;  // name, file
};

// Errors: kBadFile where a file's name is not that of a file beside the index (B19: "..", absolute paths),
// kBadConfig for fields of another type.
SafetensorsIndex parse_safetensors_index(std::string_view json, const std::string& source);

// A tensor that the index lists and that no file of the set has.
struct AbsentTensor {
  std::string name;
  std::string file;  // according to the index
  bool has_file = true;
};

struct SafetensorsSet {
  std::vector<std::unique_ptr<SafetensorsFile>> files;
  std::vector<AbsentTensor> absent;
};

// Errors: those of SafetensorsFile::open; kNotFound where there are no safetensors files (with what is there
// instead; B20: pickle files are refused) or an incomplete set without an index; kBadArgument for several
// sets; kBadFile for a tensor that is in another shard than the index says.
SafetensorsSet open_safetensors_set(const std::filesystem::path& folder);

// Error where the model needs one of them: kNotFound listing absent shards (B15, B19), kBadFile listing
// tensors. Others are a warning. `needs` tells whether the model uses a tensor of that name.
void check_absent_tensors(const std::vector<AbsentTensor>& absent, const std::filesystem::path& folder,
                          FunctionRef<bool(std::string_view)> needs);

}  // namespace ferrum
