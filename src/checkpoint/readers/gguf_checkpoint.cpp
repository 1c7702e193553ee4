#include "checkpoint/readers/gguf_checkpoint.h"

#include <algorithm>

#include "checkpoint/architecture.h"
#include "checkpoint/file_type.h"
#include "checkpoint/gguf/gguf_model.h"
#include "checkpoint/gguf/gguf_split.h"
#include "checkpoint/gguf/gguf_tokenizer.h"
#include "checkpoint/latent_tensors.h"
#include "checkpoint/readers/model_tensors.h"
#include "text/chat_context.h"

namespace ferrum {
namespace {

std::vector<HostTensor> all_tensors(const std::vector<std::unique_ptr<GgufFile>>& files) {
  std::vector<HostTensor> all;
  for (const auto& file : files) all.insert(all.end(), file->tensors().begin(), file->tensors().end());
  return all;
}

class GgufCheckpoint final : public Checkpoint {
 public:
  GgufCheckpoint(const std::filesystem::path& path, CheckpointParts parts)
      : files_(open_gguf_set(path)),
        tensors_(Naming::kGguf, all_tensors(files_), metadata().source(),
                 gguf_architecture(metadata()).tensor_names()),
        model_(describe_gguf(metadata(), tensors_)),
        generation_(gguf_generation(metadata(), model_.vocab)) {
    if (model_.first_attention().latent > 0)
      change_tensors([](auto& tensors, const auto& model) { split_latent(tensors, model, Naming::kGguf); });
    if (model_.architecture->adapt_gguf) change_tensors(model_.architecture->adapt_gguf);
    describe_mtp(parts.mtp, model_, tensors_);
    const CheckedTensors checked = check_tensors(model_, tensors_);
    model_.parameters = checked.parameters;
    tell_unused_tensors(checked.unused, metadata().source());
    if (model_.name.empty()) model_.name = path.stem().string();
  }

  const ModelDescription& model() const override { return model_; }
  Naming naming() const override { return Naming::kGguf; }
  const HostTensor* find(const TensorKey& key) const override { return tensors_.find(key); }
  const std::vector<HostTensor>& tensors() const override { return tensors_.all(); }
  Format main_format() const override { return tensors_.main_format(); }
  uint64_t bytes() const override { return tensors_.bytes(); }
  const GenerationDefaults& generation() const override { return generation_; }

  std::string format() const override {
    const auto number = metadata().unsigned_integer("general.file_type");
    const auto type = number ? file_type_numbered(*number) : std::nullopt;
    return fmt::format("GGUF v{}, {}", files_.front()->version(),
                       type ? name_of(*type) : name_of(tensors_.main_format()));
  }

  bool intact() const override {
    return std::all_of(files_.begin(), files_.end(), [](const auto& file) { return file->file().intact(); });
  }

  void release(const HostTensor& tensor) const override {
    const auto parts = tensor.maker ? tensor.maker->stored() : std::vector{tensor.bytes};
    for (const auto& file : files_)
      for (const std::span<const std::byte> part : parts) file->file().release(part);
  }

  std::optional<std::string> chat_template() const override {
    const auto text = metadata().string("tokenizer.chat_template");
    if (!text || text->empty()) return std::nullopt;
    return std::string(*text == "chatml" ? kChatMlTemplate : *text);  // by its name, as llama.cpp takes it
  }

  std::unique_ptr<const Tokenizer> load_tokenizer() const override { return load_gguf_tokenizer(metadata()); }

 private:
  const GgufMetadata& metadata() const { return files_.front()->metadata(); }

  template <class Change>
  void change_tensors(const Change& change) {
    std::vector<HostTensor> tensors = tensors_.all();
    change(tensors, model_);
    tensors_ = TensorTable(Naming::kGguf, std::move(tensors), metadata().source(),
                           model_.architecture->tensor_names());
  }

  std::vector<std::unique_ptr<GgufFile>> files_;
  TensorTable tensors_;
  ModelDescription model_;
  GenerationDefaults generation_;
};

}  // namespace

std::unique_ptr<Checkpoint> open_gguf_checkpoint(const std::filesystem::path& path, CheckpointParts parts) {
  return std::make_unique<GgufCheckpoint>(path, parts);
}

}  // namespace ferrum
