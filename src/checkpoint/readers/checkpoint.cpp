#include "checkpoint/checkpoint.h"

#include <algorithm>
#include <vector>

#include "base/error.h"
#include "base/mapped_file.h"
#include "checkpoint/file_kind.h"
#include "checkpoint/readers/gguf_checkpoint.h"
#include "checkpoint/readers/hf_checkpoint.h"
#include "checkpoint/readers/model_path.h"

namespace ferrum {
namespace {

namespace fs = std::filesystem;

// Of a split set only the first file is listed.
bool begins_model(const fs::path& path) {
  const std::string name = path.filename().string();
  return path.extension() == ".gguf" &&
         (name.find("-of-") == std::string::npos || name.find("-00001-of-") != std::string::npos);
}

// A folder of GGUF files may also have the config.json of the model that they were converted from.
fs::path path_of_folder(const fs::path& folder) {
  std::vector<fs::path> models;
  bool has_gguf = false;
  for (const auto& entry : fs::directory_iterator(folder)) {
    has_gguf |= entry.path().extension() == ".gguf";
    if (begins_model(entry.path())) models.push_back(entry.path());
  }
  const bool has_safetensors =
      fs::exists(folder / "model.safetensors") || fs::exists(folder / "model.safetensors.index.json");
  if (has_safetensors || (fs::exists(folder / "config.json") && !has_gguf)) return folder;
  if (models.size() == 1) return models.front();
  if (models.empty())
    fail(ErrorCode::kNotFound, "{}: neither config.json nor {} is there", folder.string(),
         has_gguf ? "the first part of a GGUF model" : "a .gguf file");
  std::sort(models.begin(), models.end());
  std::string names;
  for (const fs::path& m : models)
    names += fmt::format("{}{}", names.empty() ? "" : ", ", in_quotes(m.filename().string()));
  fail(ErrorCode::kBadArgument, "{}: several models are there, name one: {}", folder.string(), names);
}

// For a file that is not a GGUF file the message says which path to give instead.
std::unique_ptr<Checkpoint> open_file(const fs::path& path, CheckpointParts parts) {
  const std::string extension = path.extension();
  if (extension == ".bin" || extension == ".pt" || extension == ".pth" || extension == ".ckpt")
    fail(ErrorCode::kUnsupported,
         "{}: pickle files can run code when they are read, so Ferrum refuses them; convert the model to "
         "safetensors",
         path.string());
  if (extension == ".safetensors" || path.filename() == "config.json" || extension == ".json")
    fail(ErrorCode::kBadArgument, "{}: a part of a Hugging Face model; name its folder {}", path.string(),
         fs::absolute(path).parent_path().string());
  return open_gguf_checkpoint(path, parts);
}

}  // namespace

fs::path model_path(const fs::path& given) {
  try {
    const fs::file_status status = fs::status(given);
    if (!fs::exists(status)) fail(ErrorCode::kNotFound, "{}: no such file or folder", given.string());
    return fs::is_directory(status) ? path_of_folder(given) : given;
  } catch (const fs::filesystem_error& e) {  // a folder that may not be looked into
    fail(ErrorCode::kIo, "{}: {}", e.path1().string(), e.code().message());
  }
}

std::unique_ptr<Checkpoint> Checkpoint::open(const fs::path& path, CheckpointParts parts) {
  const fs::path found = model_path(path);
  return fs::is_directory(found) ? open_hf_checkpoint(found, parts) : open_file(found, parts);
}

}  // namespace ferrum
