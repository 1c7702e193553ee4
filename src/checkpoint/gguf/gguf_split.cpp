#include "checkpoint/gguf/gguf_split.h"

#include <optional>
#include <string>

#include "base/error.h"
#include "base/numbers.h"

namespace ferrum {
namespace {

constexpr uint64_t kMaxFiles = 999;  // well under what base/mapped_file keeps mapped at once

struct ShardName {
  std::string prefix;  // "dir/model" of "dir/model-00001-of-00003.gguf"
  int number = 0;      // from 1
  int count = 0;
};

std::optional<int> five_digits(std::string_view text) {
  return text.size() == 5 && text[0] != '-' ? whole_number<int>(text) : std::nullopt;
}

std::optional<ShardName> parse_shard_name(const std::string& path) {
  constexpr std::string_view kEnd = "-00001-of-00003.gguf";
  if (path.size() < kEnd.size()) return std::nullopt;
  const std::string_view end = std::string_view(path).substr(path.size() - kEnd.size());
  const auto number = five_digits(end.substr(1, 5));
  const auto count = five_digits(end.substr(10, 5));
  if (end[0] != '-' || end.substr(6, 4) != "-of-" || !end.ends_with(".gguf") || !number || !count)
    return std::nullopt;
  return ShardName{path.substr(0, path.size() - kEnd.size()), *number, *count};
}

std::filesystem::path shard_path(const ShardName& name, int number) {
  return fmt::format("{}-{:05}-of-{:05}.gguf", name.prefix, number, name.count);
}

uint64_t split_count(const GgufFile& file) {
  return file.metadata().unsigned_integer("split.count").value_or(1);
}

void check_shard(const GgufFile& file, const GgufFile& opened_first, int index) {
  const GgufMetadata& m = file.metadata();
  const auto number = m.unsigned_integer("split.no");
  if (number != static_cast<uint64_t>(index))
    fail(ErrorCode::kBadFile, "{}: by its name it is part {} of the model, but its split.no is {}",
         m.source(), index + 1, number ? std::to_string(*number) + " (counted from 0)" : "missing");
  if (split_count(file) != split_count(opened_first))
    fail(ErrorCode::kBadFile, "{}: split.count is {}, but in {} it is {}: parts of different models",
         m.source(), split_count(file), opened_first.metadata().source(), split_count(opened_first));
}

void check_tensor_count(const std::vector<std::unique_ptr<GgufFile>>& files) {
  uint64_t found = 0;
  std::string names;
  for (const auto& file : files) {
    found += file->tensors().size();
    names += fmt::format("{}{}", names.empty() ? "" : ", ", file->metadata().source());
  }
  for (const auto& file : files) {
    const auto said = file->metadata().unsigned_integer("split.tensors.count");
    if (said && *said != found)
      fail(ErrorCode::kBadFile,
           "{}: split.tensors.count is {}, but the parts hold {} tensors: parts of different models? ({})",
           file->metadata().source(), *said, found, names);
  }
}

}  // namespace

std::vector<std::unique_ptr<GgufFile>> open_gguf_set(const std::filesystem::path& path) {
  std::vector<std::unique_ptr<GgufFile>> files;
  auto opened = GgufFile::open(path);
  const uint64_t count = split_count(*opened);
  if (count <= 1) {
    files.push_back(std::move(opened));
    return files;
  }
  const auto name = parse_shard_name(path.string());
  if (count > kMaxFiles || !name || static_cast<uint64_t>(name->count) != count)
    fail(ErrorCode::kBadFile,
         "{}: one of {} parts of a model, which should be named like model-00001-of-{:05}.gguf",
         path.string(), count, count);
  std::string missing;
  for (int i = 1; i <= name->count; ++i)
    if (const auto shard = shard_path(*name, i); !std::filesystem::exists(shard))
      missing += fmt::format("{}{}", missing.empty() ? "" : ", ", in_quotes(shard.filename().string()));
  if (!missing.empty())
    fail(ErrorCode::kNotFound, "{}: parts of the model are missing: {}", path.string(), missing);
  for (int i = 1; i <= name->count; ++i) {
    files.push_back(i == name->number ? std::move(opened) : GgufFile::open(shard_path(*name, i)));
    check_shard(*files.back(), *files.front(), i - 1);
  }
  check_tensor_count(files);
  return files;
}

}  // namespace ferrum
