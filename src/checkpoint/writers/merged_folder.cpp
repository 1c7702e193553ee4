#include "checkpoint/writers/merged_folder.h"

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <unordered_map>

#include "base/error.h"
#include "base/json.h"
#include "base/mapped_file.h"
#include "base/output_file.h"
#include "checkpoint/architecture.h"
#include "checkpoint/safetensors/safetensors_set.h"
#include "checkpoint/safetensors/safetensors_writer.h"
#include "checkpoint/tensor_table.h"
#include "checkpoint/writers/merged_weights.h"
#include "checkpoint/writers/tensor_rows.h"

namespace ferrum {
namespace {

namespace fs = std::filesystem;
using Role = TensorRole;

constexpr const char* kIndex = "model.safetensors.index.json";

void write_file(const fs::path& path, std::span<const std::byte> bytes) {
  OutputFile file(path, bytes.size());
  file.write(bytes);
  file.commit();
}

// Weights, which are written anew, and those that other programs would take for the model's.
bool has_weights(const fs::path& name) {
  for (const char* extension :
       {".safetensors", ".bin", ".pt", ".pth", ".ckpt", ".gguf", ".h5", ".msgpack", ".onnx"})
    if (name.extension() == extension) return true;
  return name.string().ends_with(".index.json");
}

// Of a folder all but hidden files and, in the model's own folder, its weights. Folders within it are those
// of modules behind the model.
void copy_files(const fs::path& from, const fs::path& to, bool is_outermost) {
  for (const auto& entry : fs::directory_iterator(from)) {
    const fs::path name = entry.path().filename();
    if (name.string().starts_with(".")) continue;
    if (is_outermost && (name == "config.json" || has_weights(name))) continue;
    if (entry.is_directory()) {
      if (!is_outermost) continue;
      fs::create_directory(to / name);
      copy_files(entry.path(), to / name, false);
    } else if (entry.is_regular_file()) {
      write_file(to / name, MappedFile::open(entry.path())->bytes());
    }
  }
}

// Its text otherwise stays as it is: it may have numbers that JSON does not know, such as Infinity.
std::string with_untied_head(std::string text, const std::string& source) {
  constexpr std::string_view kKey = "\"tie_word_embeddings\"", kTrue = "true";
  bool is_there = false;
  for (size_t at = text.find(kKey); at != std::string::npos; at = text.find(kKey, at + 1)) {
    const size_t value = text.find_first_not_of(" \t\r\n:", at + kKey.size());
    if (value == std::string::npos) break;
    is_there = true;
    if (text.compare(value, kTrue.size(), kTrue) == 0) text.replace(value, kTrue.size(), "false");
  }
  if (is_there) return text;
  const size_t begin = text.find('{');
  if (begin == std::string::npos) fail(ErrorCode::kBadConfig, "{}: is no object", source);
  return text.insert(begin + 1, "\n  \"tie_word_embeddings\": false,");
}

void write_config(const fs::path& source, const fs::path& target, bool unties_head) {
  const fs::path path = source / "config.json";
  const std::shared_ptr<const MappedFile> file = MappedFile::open(path);
  const std::string text =
      unties_head ? with_untied_head(std::string(file->text()), path.string()) : std::string(file->text());
  write_file(target / "config.json", std::as_bytes(std::span(text)));
}

std::string_view type_name(Format format) { return name_of(format); }  // F32, F16, BF16, as in GGUF

Format merged_format(const HostTensor& tensor, const MergeOptions& options, const std::string& source) {
  const Format format = options.type ? main_format(*options.type) : tensor.format;
  if (!is_float(format))
    fail(ErrorCode::kUnsupported,
         "{}: in a folder changed weights, such as {}, are F32, F16 or BF16, not {}; a .gguf file may have "
         "others",
         source, in_quotes(tensor.name), name_of(format));
  return format;
}

// One tensor of the target: an entry that is copied, or a weight that is made.
struct Part {
  const SafetensorsEntry* entry = nullptr;
  std::optional<HostTensor> made;
  Format format = Format::kF32;
};

// The tensors of a folder, as they are stored, of the formats that operations read.
TensorTable stored_tensors(const SafetensorsSet& set, const Checkpoint& checkpoint, const fs::path& source) {
  std::vector<HostTensor> tensors;
  for (const auto& file : set.files)
    for (const SafetensorsEntry& entry : file->entries())
      if (entry.type->format) tensors.push_back(file->tensor(entry));
  return {Naming::kHuggingFace, std::move(tensors), source.string(),
          checkpoint.model().architecture->tensor_names()};
}

class FolderMerger {
 public:
  FolderMerger(const Checkpoint& checkpoint, fs::path source, const MergeOptions& options)
      : checkpoint_(checkpoint),
        source_(std::move(source)),
        options_(options),
        set_(open_safetensors_set(source_)),
        table_(stored_tensors(set_, checkpoint, source_)),
        weights_(checkpoint.model(), [this](const TensorKey& key) { return find(key); }) {
    for (const HostTensor& tensor : table_.all()) by_name_.emplace(tensor.name, &tensor);
  }

  MergedWeights& weights() { return weights_; }

  void write(const fs::path& target) {
    OutputFolder folder(target);
    copy_files(source_, folder.path(), true);
    for (const auto& file : set_.files) total_ += file->file().bytes().size();
    for (size_t i = 0; i < set_.files.size(); ++i) write_tensors(*set_.files[i], folder.path(), i == 0);
    if (set_.files.size() > 1) write_index(folder.path());
    if (!checkpoint_.intact())
      fail(ErrorCode::kBadFile, "{}: a file was cut while it was read", in_quotes(source_.string()));
    // Last, since without it the folder is no model.
    write_config(source_, folder.path(), weights_.unties_head());
    folder.commit();
  }

 private:
  // Only what is stored as the model's description has it; latent attention's is split when it is read.
  const HostTensor* find(const TensorKey& key) const {
    const HostTensor* stored = table_.find(key);
    if (stored == nullptr || key.role == Role::kLatentUp) return stored;
    const HostTensor* used = checkpoint_.find(key);
    const bool is_same = used != nullptr && used->maker == nullptr && used->shape == stored->shape &&
                         used->bytes.size() == stored->bytes.size() && used->name == stored->name;
    return is_same ? stored : nullptr;
  }

  void write_tensors(const SafetensorsFile& file, const fs::path& folder, bool is_first) {
    std::vector<Part> parts;
    std::vector<SafetensorsDeclaration> declared;
    const auto add_made = [&](const HostTensor& tensor, Format format) {
      parts.push_back({.made = tensor, .format = format});
      declared.push_back({tensor.name, type_name(format), tensor.shape});
    };
    for (const SafetensorsEntry& entry : file.entries()) {
      if (const HostTensor* tensor = changed(entry)) {
        add_made(weights_.merged(*tensor), merged_format(*tensor, options_, file.source()));
      } else {
        parts.push_back({.entry = &entry});
        declared.push_back({entry.name, entry.type->name, entry.shape});
      }
    }
    if (std::optional<HostTensor> head = is_first ? weights_.new_head() : std::nullopt) {
      const Format format = merged_format(*table_.find({Role::kEmbedding}), options_, file.source());
      head->name = checkpoint_.model().architecture->tensor_names().name(Naming::kHuggingFace, {Role::kHead});
      add_made(*head, format);
    }

    const std::string name = fs::path(file.source()).filename().string();
    SafetensorsWriter writer(folder / name, declared, file.metadata());
    write_rows(
        rows_of(parts), [&](std::span<const std::byte> bytes) { writer.append(bytes); },
        [&](size_t part, int64_t first_row, std::span<std::byte> out) { make(parts[part], first_row, out); },
        {.threads = options_.pipeline.threads, .progress = [&](uint64_t done, uint64_t) { tell(done); }});
    writer.finish();
    for (const SafetensorsDeclaration& tensor : declared) files_of_[tensor.name] = name;
    for (const RowsToWrite& rows : rows_of(parts))
      bytes_ += static_cast<uint64_t>(rows.rows) * rows.row_bytes;
  }

  // Null: it is copied.
  const HostTensor* changed(const SafetensorsEntry& entry) const {
    const auto found = by_name_.find(entry.name);
    return found != by_name_.end() && weights_.changes(*found->second) ? found->second : nullptr;
  }

  static std::vector<RowsToWrite> rows_of(const std::vector<Part>& parts) {
    std::vector<RowsToWrite> rows;
    for (const Part& part : parts)
      if (part.entry != nullptr)
        rows.push_back({static_cast<int64_t>(part.entry->bytes.size()), 1});
      else
        rows.push_back({part.made->rows(), row_bytes(part.format, static_cast<size_t>(part.made->cols()))});
    return rows;
  }

  static void make(const Part& part, int64_t first_row, std::span<std::byte> out) {
    if (part.entry == nullptr) return encode_rows(*part.made, first_row, part.format, out);
    const auto bytes = part.entry->bytes.subspan(static_cast<size_t>(first_row), out.size());
    std::copy(bytes.begin(), bytes.end(), out.begin());
  }

  void tell(uint64_t done) const {
    if (options_.pipeline.progress) options_.pipeline.progress(std::min(bytes_ + done, total_), total_);
  }

  void write_index(const fs::path& folder) const {
    OrderedJson index;
    index["metadata"]["total_size"] = bytes_;
    for (const auto& [tensor, file] : files_of_) index["weight_map"][tensor] = file;
    const std::string text = index.dump(2) + "\n";
    write_file(folder / kIndex, std::as_bytes(std::span(text)));
  }

  const Checkpoint& checkpoint_;
  fs::path source_;
  const MergeOptions& options_;
  SafetensorsSet set_;
  TensorTable table_;
  std::unordered_map<std::string_view, const HostTensor*> by_name_;
  MergedWeights weights_;
  std::map<std::string, std::string> files_of_;  // by tensor
  uint64_t bytes_ = 0;                           // of the files that are written
  uint64_t total_ = 0;
};

}  // namespace

void merge_folder(const Checkpoint& checkpoint, const fs::path& source,
                  const std::vector<std::pair<std::shared_ptr<const Adapter>, float>>& adapters,
                  const fs::path& target, const MergeOptions& options) {
  FolderMerger merger(checkpoint, source, options);
  for (const auto& [adapter, scale] : adapters) merger.weights().add(adapter, scale);
  merger.write(target);
}

}  // namespace ferrum
