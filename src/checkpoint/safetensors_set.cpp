#include "checkpoint/safetensors_set.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <unordered_map>

#include "base/error.h"
#include "base/json.h"
#include "base/mapped_file.h"

namespace ferrum {
namespace {

namespace fs = std::filesystem;

constexpr size_t kMaxFiles = 999;  // well under what base/mapped_file keeps mapped at once
constexpr std::string_view kIndex = "model.safetensors.index.json";

bool is_file_name(const std::string& name) {
  return !name.empty() && name != "." && name != ".." && name.find_first_of("/\\") == std::string::npos &&
         name.find('\0') == std::string::npos;
}

bool is_pickle(const fs::path& path) {
  const std::string e = path.extension();
  return e == ".bin" || e == ".pt" || e == ".pth" || e == ".ckpt";
}

[[noreturn]] void fail_without_weights(const fs::path& folder) {
  std::string pickle;
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator(folder, ignored))
    if (is_pickle(entry.path())) pickle = std::max(pickle, entry.path().filename().string());
  if (!pickle.empty())
    fail(ErrorCode::kUnsupported,
         "{}: no model.safetensors, only {}: pickle files can run code when they are read, so Ferrum refuses "
         "them; "
         "convert the model to safetensors",
         folder.string(), in_quotes(pickle));
  fail(ErrorCode::kNotFound, "{}: neither model.safetensors nor {} is there", folder.string(), kIndex);
}

// What quantisation tools call model.safetensors: "gptq_model-4bit-128g.safetensors" and the like. Empty
// where there is none, or several.
fs::path only_quantized_file(const fs::path& folder) {
  fs::path found;
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator(folder, ignored)) {
    const std::string name = entry.path().filename().string();
    if (!name.starts_with("gptq_model") || entry.path().extension() != ".safetensors") continue;
    if (!found.empty()) return {};
    found = entry.path();
  }
  return found;
}

void check_all_exist(const fs::path& folder, const SafetensorsIndex& index) {
  std::string missing;
  for (const std::string& file : index.files)
    if (!fs::exists(folder / file))
      missing += fmt::format("{}{}", missing.empty() ? "" : ", ", in_quotes(file));
  if (!missing.empty())
    fail(ErrorCode::kNotFound, "{}: files that {} names are missing: {}", folder.string(), kIndex, missing);
}

void check_places(const SafetensorsIndex& index, const std::vector<std::unique_ptr<SafetensorsFile>>& files) {
  std::unordered_map<std::string_view, const SafetensorsFile*> by_name;
  for (size_t i = 0; i < files.size(); ++i) by_name.emplace(index.files[i], files[i].get());
  std::string misplaced;
  for (const auto& [tensor, file] : index.tensors) {
    if (by_name.at(file)->find(tensor)) continue;
    if (misplaced.size() > 400) {
      misplaced += ", …";
      break;
    }
    misplaced += fmt::format("{}{} in {}", misplaced.empty() ? "" : ", ", in_quotes(tensor), in_quotes(file));
  }
  if (!misplaced.empty())
    fail(ErrorCode::kBadFile,
         "{}: tensors are not where the index says (shards swapped, or of another model?): {}",
         (fs::path(files.front()->source()).parent_path() / kIndex).string(), misplaced);
}

}  // namespace

SafetensorsIndex parse_safetensors_index(std::string_view json, const std::string& source) {
  const Json document = parse_json(json, source, {.max_depth = 16});
  const auto map = document.is_object() ? document.find("weight_map") : document.end();
  if (!document.is_object() || map == document.end() || !map->is_object())
    fail(ErrorCode::kBadConfig, "{}: weight_map is missing, or is no object", source);
  SafetensorsIndex index;
  for (const auto& [tensor, file] : map->items()) {
    if (!file.is_string())
      fail(ErrorCode::kBadConfig, "{}: weight_map's {} should be a file name but is {}", source,
           in_quotes(tensor), file.type_name());
    const auto& name = file.get_ref<const std::string&>();
    if (!is_file_name(name))
      fail(ErrorCode::kBadFile, "{}: weight_map's {} is {}, which is no name of a file beside the index",
           source, in_quotes(tensor), in_quotes(name));
    index.tensors.emplace_back(tensor, name);
    index.files.push_back(name);
  }
  std::sort(index.files.begin(), index.files.end());
  index.files.erase(std::unique(index.files.begin(), index.files.end()), index.files.end());
  if (index.files.empty() || index.files.size() > kMaxFiles)
    fail(ErrorCode::kBadFile, "{}: weight_map names {} files; 1 to {} are allowed", source,
         index.files.size(), kMaxFiles);
  return index;
}

std::vector<std::unique_ptr<SafetensorsFile>> open_safetensors_set(const fs::path& folder) {
  std::vector<std::unique_ptr<SafetensorsFile>> files;
  if (const fs::path whole = folder / "model.safetensors"; fs::exists(whole)) {
    files.push_back(SafetensorsFile::open(whole));
    return files;
  }
  const fs::path index_path = folder / kIndex;
  if (!fs::exists(index_path)) {
    const fs::path quantized = only_quantized_file(folder);
    if (quantized.empty()) fail_without_weights(folder);
    files.push_back(SafetensorsFile::open(quantized));
    return files;
  }
  const SafetensorsIndex index =
      parse_safetensors_index(MappedFile::open(index_path)->text(), index_path.string());
  check_all_exist(folder, index);
  for (const std::string& file : index.files) files.push_back(SafetensorsFile::open(folder / file));
  check_places(index, files);
  return files;
}

}  // namespace ferrum
