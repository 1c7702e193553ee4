#include "checkpoint/writers/merge.h"

#include <cmath>
#include <cstring>
#include <memory>
#include <string>
#include <unordered_map>
#include <utility>

#include "base/error.h"
#include "checkpoint/adapters/adapter.h"
#include "checkpoint/architecture.h"
#include "checkpoint/checkpoint.h"
#include "checkpoint/gguf/gguf_split.h"
#include "checkpoint/gguf/gguf_writer.h"
#include "checkpoint/readers/model_path.h"
#include "checkpoint/tensor_table.h"
#include "checkpoint/writers/convert.h"
#include "checkpoint/writers/merged_folder.h"
#include "checkpoint/writers/merged_weights.h"
#include "checkpoint/writers/tensor_rows.h"
#include "tensor/formats/encode.h"

namespace ferrum {
namespace {

namespace fs = std::filesystem;
using Role = TensorRole;

using Adapters = std::vector<std::pair<std::shared_ptr<const Adapter>, float>>;

// A folder's checkpoint with other weights.
class MergedCheckpoint final : public Checkpoint {
 public:
  MergedCheckpoint(const Checkpoint& base, const Adapters& adapters) : base_(base), model_(base.model()) {
    MergedWeights weights(base.model(), [&](const TensorKey& key) { return base.find(key); });
    for (const auto& [adapter, scale] : adapters) weights.add(adapter, scale);
    tensors_.reserve(base.tensors().size());
    for (const HostTensor& tensor : base.tensors()) {
      tensors_.push_back(weights.merged(tensor));
      place_.emplace(&tensor, tensors_.size() - 1);
    }
    head_ = weights.new_head();
    if (weights.unties_head()) model_.tied_head = false;
  }

  const ModelDescription& model() const override { return model_; }
  Naming naming() const override { return base_.naming(); }
  const HostTensor* find(const TensorKey& key) const override {
    if (head_ && key == TensorKey{Role::kHead}) return &*head_;
    const HostTensor* found = base_.find(key);
    return found == nullptr ? nullptr : &tensors_[place_.at(found)];
  }
  const std::vector<HostTensor>& tensors() const override { return tensors_; }
  std::string format() const override { return base_.format(); }
  Format main_format() const override { return base_.main_format(); }
  uint64_t bytes() const override { return base_.bytes(); }
  bool intact() const override { return base_.intact(); }
  void release(const HostTensor& tensor) const override { base_.release(tensor); }
  std::unique_ptr<const Tokenizer> load_tokenizer() const override { return base_.load_tokenizer(); }
  std::optional<std::string> chat_template() const override { return base_.chat_template(); }
  const GenerationDefaults& generation() const override { return base_.generation(); }

 private:
  const Checkpoint& base_;
  ModelDescription model_;
  std::vector<HostTensor> tensors_;
  std::unordered_map<const HostTensor*, size_t> place_;
  std::optional<HostTensor> head_;
};

Format merged_format(const ModelDescription& model, const NameTable& names, const HostTensor& base,
                     const MergeOptions& options, const std::string& source) {
  if (options.type) {
    const auto key = names.parse(Naming::kGguf, base.name);
    return format_of_tensor(*options.type, model, *key, base.cols());
  }
  if (!formats::can_encode(base.format))
    fail(
        ErrorCode::kUnsupported,
        "{}: an adapter changes {}, which is {}, and Ferrum does not write this format; say with --type what "
        "changed weights become: F32, F16, BF16, Q8_0, Q4_0, Q4_1, Q5_0 or Q5_1",
        source, in_quotes(base.name), name_of(base.format));
  return base.format;
}

void merge_gguf(const Checkpoint& checkpoint, const fs::path& base, const Adapters& adapters,
                const fs::path& target, const MergeOptions& options) {
  const ModelDescription& model = checkpoint.model();
  const NameTable names = model.architecture->tensor_names();
  const std::vector<std::unique_ptr<GgufFile>> files = open_gguf_set(base);
  const GgufMetadata& metadata = files.front()->metadata();
  std::vector<HostTensor> stored;
  for (const auto& file : files) stored.insert(stored.end(), file->tensors().begin(), file->tensors().end());
  const TensorTable table(Naming::kGguf, std::move(stored), metadata.source(), names);
  MergedWeights weights(model, [&](const TensorKey& key) { return table.find(key); });
  for (const auto& [adapter, scale] : adapters) weights.add(adapter, scale);

  GgufHeader header;
  for (const auto& [key, value] : metadata.entries()) {
    if (key.starts_with("split.") || key == "general.alignment") continue;
    if (options.type && key == "general.file_type")
      header.set(key, gguf_number(*options.type));
    else
      header.copy(key, value);
  }
  std::vector<HostTensor> tensors;
  const auto add = [&](const HostTensor& tensor, Format format) {
    tensors.push_back(tensor);
    header.add({tensor.name, format, tensor.shape});
  };
  for (const HostTensor& tensor : table.all()) {
    const bool changed = weights.changes(tensor);
    add(weights.merged(tensor),
        changed ? merged_format(model, names, tensor, options, metadata.source()) : tensor.format);
  }
  if (std::optional<HostTensor> head = weights.new_head()) {
    const Format format =
        merged_format(model, names, *table.find({Role::kEmbedding}), options, metadata.source());
    head->name = names.name(Naming::kGguf, {Role::kHead});
    add(*head, format);
  }

  GgufWriter writer(target, header);
  write_rows(
      writer, header,
      [&](size_t tensor, int64_t first_row, std::span<std::byte> out) {
        encode_rows(tensors[tensor], first_row, header.tensors()[tensor].format, out);
      },
      options.pipeline);
  if (!checkpoint.intact())
    fail(ErrorCode::kBadFile, "{}: a file was cut while it was read", in_quotes(base.string()));
  writer.finish();
}

void check_target(const fs::path& target, bool is_file, bool base_is_file, const fs::path& base) {
  std::error_code error;
  if (fs::exists(fs::symlink_status(target, error)))
    fail(ErrorCode::kBadArgument, "{} is there already; name another place, or remove it first",
         in_quotes(target.string()));
  if (base_is_file && !is_file)
    fail(ErrorCode::kBadArgument, "{} is a GGUF file, of which a .gguf file can be made, not the folder {}",
         in_quotes(base.string()), in_quotes(target.string()));
}

}  // namespace

void merge(const fs::path& base, const std::vector<MergedAdapter>& adapters, const fs::path& target,
           const MergeOptions& options) {
  if (adapters.empty()) fail(ErrorCode::kBadArgument, "no adapter to merge is given");
  const fs::path source = model_path(base);
  const bool base_is_file = !fs::is_directory(source), is_file = target.extension() == ".gguf";
  check_target(target, is_file, base_is_file, base);
  if (options.type && !formats::can_encode(main_format(*options.type)))
    fail(ErrorCode::kUnsupported, "{}: Ferrum writes F32, F16, BF16, Q8_0, Q4_0, Q4_1, Q5_0 and Q5_1",
         name_of(*options.type));
  const bool becomes_gguf = is_file && !base_is_file;
  const std::unique_ptr<Checkpoint> checkpoint =
      Checkpoint::open(source, becomes_gguf ? kPartsOfGguf : CheckpointParts());
  Adapters read;
  for (const MergedAdapter& adapter : adapters) {
    if (!std::isfinite(adapter.scale))
      fail(ErrorCode::kBadArgument, "{}: the scale {} is not finite", adapter.path.string(), adapter.scale);
    read.emplace_back(std::make_shared<const Adapter>(read_adapter(adapter.path, *checkpoint)),
                      adapter.scale);
  }
  if (base_is_file) return merge_gguf(*checkpoint, source, read, target, options);
  if (!is_file) return merge_folder(*checkpoint, source, read, target, options);
  const ConversionType type = conversion_type(*checkpoint, source, options.type);
  convert(MergedCheckpoint(*checkpoint, read), source, target, type, options.pipeline);
}

}  // namespace ferrum
