#include "checkpoint/hf_checkpoint.h"

#include <algorithm>

#include "base/error.h"
#include "base/mapped_file.h"
#include "checkpoint/hf_config.h"
#include "checkpoint/hf_files.h"
#include "checkpoint/hf_tokenizer.h"
#include "checkpoint/model_tensors.h"
#include "checkpoint/safetensors_set.h"

namespace ferrum {
namespace {

namespace fs = std::filesystem;

HfConfig read_config(const fs::path& folder) {
  const fs::path path = folder / "config.json";
  if (!fs::exists(path)) fail(ErrorCode::kNotFound, "{}: no config.json", folder.string());
  return parse_hf_config(MappedFile::open(path)->text(), path.string());
}

// Tensors of types that no weight has, such as position ids, are left out; a weight of such a type is
// refused.
std::vector<HostTensor> all_tensors(const std::vector<std::unique_ptr<SafetensorsFile>>& files,
                                    std::vector<std::string>& left_out) {
  std::vector<HostTensor> all;
  for (const auto& file : files) {
    for (const SafetensorsEntry& entry : file->entries()) {
      if (entry.type->format || parse_tensor_name(Naming::kHuggingFace, entry.name)) {
        all.push_back(file->tensor(entry));
      } else {
        left_out.push_back(entry.name);
      }
    }
  }
  return all;
}

class HfCheckpoint final : public Checkpoint {
 public:
  explicit HfCheckpoint(const fs::path& folder) : HfCheckpoint(folder, read_config(folder)) {}

  const ModelDescription& model() const override { return model_; }
  const HostTensor* find(const TensorKey& key) const override { return tensors_.find(key); }
  const std::vector<HostTensor>& tensors() const override { return tensors_.all(); }
  Format main_format() const override { return tensors_.main_format(); }
  uint64_t bytes() const override { return tensors_.bytes(); }
  const GenerationDefaults& generation() const override { return generation_; }
  std::string format() const override {
    return fmt::format("safetensors, {}", name_of(tensors_.main_format()));
  }

  bool intact() const override {
    return std::all_of(files_.begin(), files_.end(), [](const auto& file) { return file->file().intact(); });
  }

  void release(const HostTensor& tensor) const override {
    for (const auto& file : files_) file->file().release(tensor.bytes);
  }

  std::optional<std::string> chat_template() const override { return hf_chat_template(folder_); }
  std::unique_ptr<const Tokenizer> load_tokenizer() const override { return load_hf_tokenizer(folder_); }

 private:
  HfCheckpoint(const fs::path& folder, HfConfig config)
      : folder_(folder),
        files_(open_safetensors_set(folder)),
        tensors_(Naming::kHuggingFace, all_tensors(files_, left_out_), folder.string()),
        model_(std::move(config.model)),
        generation_(hf_generation(folder, model_.vocab)) {
    CheckedTensors checked = check_tensors(model_, tensors_, config.biased);
    model_.parameters = checked.parameters;
    checked.extra.insert(checked.extra.end(), left_out_.begin(), left_out_.end());
    warn_of_extra_tensors(checked.extra, folder.string());
    if (generation_.stop_tokens.empty()) generation_.stop_tokens = std::move(config.stop_tokens);
    if (model_.name.empty()) model_.name = fs::absolute(folder).lexically_normal().filename().string();
  }

  fs::path folder_;
  std::vector<std::string> left_out_;
  std::vector<std::unique_ptr<SafetensorsFile>> files_;
  TensorTable tensors_;
  ModelDescription model_;
  GenerationDefaults generation_;
};

}  // namespace

std::unique_ptr<Checkpoint> open_hf_checkpoint(const fs::path& folder) {
  return std::make_unique<HfCheckpoint>(folder);
}

}  // namespace ferrum
