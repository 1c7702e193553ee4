#include "checkpoint/safetensors/safetensors_set.h"

#include <fmt/format.h>
#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <unordered_map>
#include <utility>

#include "base/error.h"
#include "base/json.h"
#include "base/log.h"
#include "base/mapped_file.h"
#include "base/numbers.h"

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

// The file that quantisation tools write instead of model.safetensors: "gptq_model-4bit-128g.safetensors" and
// the like. Empty where there is none, or several.
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

struct ShardName {
  std::string prefix;  // "model" of model-00001-of-00003.safetensors
  size_t number = 0;   // from 1
  size_t count = 0;
};

std::optional<ShardName> parse_shard_name(std::string_view name) {
  constexpr std::string_view kEnd = "-00001-of-00003.safetensors";
  if (name.size() <= kEnd.size()) return std::nullopt;
  const std::string_view end = name.substr(name.size() - kEnd.size());
  const auto number = whole_number<size_t>(end.substr(1, 5));
  const auto count = whole_number<size_t>(end.substr(10, 5));
  if (end[0] != '-' || end.substr(6, 4) != "-of-" || !end.ends_with(".safetensors")) return std::nullopt;
  if (!number || !count || *number < 1 || *number > *count || *count > kMaxFiles) return std::nullopt;
  return ShardName{std::string(name.substr(0, name.size() - kEnd.size())), *number, *count};
}

std::string shard_name(const ShardName& name, size_t number) {
  return fmt::format("{}-{:05}-of-{:05}.safetensors", name.prefix, number, name.count);
}

// The names of a complete set of numbered shards; empty where the folder has no numbered shard.
std::vector<std::string> numbered_shards(const fs::path& folder) {
  std::map<std::pair<std::string, size_t>, ShardName> sets;  // by prefix and count
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator(folder, ignored))
    if (const auto shard = parse_shard_name(entry.path().filename().string()))
      sets[{shard->prefix, shard->count}] = *shard;
  if (sets.empty()) return {};
  if (sets.size() > 1) {
    std::string names;
    for (const auto& [key, set] : sets)
      names += fmt::format("{}{}", names.empty() ? "" : ", ", in_quotes(shard_name(set, 1)));
    fail(ErrorCode::kBadArgument, "{}: without {} it is not clear which shards are the model: {}",
         folder.string(), kIndex, names);
  }
  const ShardName& set = sets.begin()->second;
  std::vector<std::string> all;
  std::string missing;
  for (size_t number = 1; number <= set.count; ++number) {
    all.push_back(shard_name(set, number));
    if (!fs::exists(folder / all.back()))
      missing += fmt::format("{}{}", missing.empty() ? "" : ", ", in_quotes(all.back()));
  }
  if (!missing.empty())
    fail(ErrorCode::kNotFound, "{}: of the {} shards some are missing: {}", folder.string(), set.count,
         missing);
  return all;
}

// A list for messages that says where it was cut.
class ShortList {
 public:
  void add(std::string_view text) {
    if (text_.size() > kMostBytes) {
      is_cut_ = true;
    } else {
      text_ += fmt::format("{}{}", text_.empty() ? "" : ", ", text);
    }
  }
  bool empty() const { return text_.empty(); }
  std::string text() const { return is_cut_ ? text_ + ", …" : text_; }

 private:
  static constexpr size_t kMostBytes = 400;
  std::string text_;
  bool is_cut_ = false;
};

std::string place_text(std::string_view tensor, std::string_view file) {
  return fmt::format("{} in {}", in_quotes(tensor), in_quotes(file));
}

// Opens the files that are there, and notes which tensors are not.
SafetensorsSet open_indexed(const fs::path& folder, const SafetensorsIndex& index) {
  SafetensorsSet set;
  std::unordered_map<std::string_view, const SafetensorsFile*> by_name;
  for (const std::string& file : index.files) {
    by_name[file] = nullptr;
    if (!fs::exists(folder / file)) continue;
    set.files.push_back(SafetensorsFile::open(folder / file));
    by_name[file] = set.files.back().get();
  }
  const auto is_anywhere = [&](const std::string& tensor) {
    return std::any_of(set.files.begin(), set.files.end(),
                       [&](const auto& file) { return file->find(tensor) != nullptr; });
  };
  ShortList misplaced;
  for (const auto& [tensor, name] : index.tensors) {
    const SafetensorsFile* file = by_name.at(name);
    if (file != nullptr && file->find(tensor)) continue;
    if (file != nullptr && is_anywhere(tensor))
      misplaced.add(place_text(tensor, name));
    else
      set.absent.push_back({tensor, name, file != nullptr});
  }
  if (!misplaced.empty())
    fail(ErrorCode::kBadFile,
         "{}: tensors are not where the index says (shards swapped, or of another model?): {}",
         (folder / kIndex).string(), misplaced.text());
  return set;
}

}  // namespace

SafetensorsIndex parse_safetensors_index(std::string_view json, const std::string& source) {
  const Json document = parse_json(json, source, {.max_depth = 16, .non_finite = NonFinite::kRead});
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

SafetensorsSet open_safetensors_set(const fs::path& folder) {
  SafetensorsSet set;
  if (const fs::path whole = folder / "model.safetensors"; fs::exists(whole)) {
    set.files.push_back(SafetensorsFile::open(whole));
    return set;
  }
  if (const fs::path index = folder / kIndex; fs::exists(index))
    return open_indexed(folder, parse_safetensors_index(MappedFile::open(index)->text(), index.string()));
  for (const std::string& shard : numbered_shards(folder))
    set.files.push_back(SafetensorsFile::open(folder / shard));
  if (!set.files.empty()) return set;
  const fs::path quantized = only_quantized_file(folder);
  if (quantized.empty()) fail_without_weights(folder);
  set.files.push_back(SafetensorsFile::open(quantized));
  return set;
}

void check_absent_tensors(const std::vector<AbsentTensor>& absent, const fs::path& folder,
                          FunctionRef<bool(std::string_view)> needs) {
  std::set<std::string> files;
  ShortList tensors, unneeded;
  for (const AbsentTensor& tensor : absent) {
    if (!needs(tensor.name))
      unneeded.add(in_quotes(tensor.name));
    else if (!tensor.has_file)
      files.insert(in_quotes(tensor.file));
    else
      tensors.add(place_text(tensor.name, tensor.file));
  }
  const std::string index = (folder / kIndex).string();
  if (!files.empty())
    fail(ErrorCode::kNotFound, "{}: files that {} names are missing: {}", folder.string(), kIndex,
         fmt::join(files, ", "));
  if (!tensors.empty())
    fail(ErrorCode::kBadFile, "{}: tensors that the index names are missing: {}", index, tensors.text());
  if (!unneeded.empty())
    log::warn("{}: weight_map names tensors that no file has; the model does not need them: {}", index,
              unneeded.text());
}

}  // namespace ferrum
