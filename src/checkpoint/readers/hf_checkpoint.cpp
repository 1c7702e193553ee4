#include "checkpoint/readers/hf_checkpoint.h"

#include <algorithm>
#include <iterator>

#include "base/error.h"
#include "base/mapped_file.h"
#include "checkpoint/architecture.h"
#include "checkpoint/latent_tensors.h"
#include "checkpoint/pair_form.h"
#include "checkpoint/readers/model_tensors.h"
#include "checkpoint/row_views.h"
#include "checkpoint/safetensors/fp8_tensors.h"
#include "checkpoint/safetensors/group_tensors.h"
#include "checkpoint/safetensors/hf_config.h"
#include "checkpoint/safetensors/hf_files.h"
#include "checkpoint/safetensors/mxfp4_tensors.h"
#include "checkpoint/safetensors/packed_tensors.h"
#include "checkpoint/safetensors/safetensors_set.h"
#include "checkpoint/safetensors/sentence_files.h"
#include "checkpoint/tokenizer/hf_tokenizer.h"

namespace ferrum {
namespace {

namespace fs = std::filesystem;

HfConfig read_config(const fs::path& folder) {
  const fs::path path = folder / "config.json";
  if (!fs::exists(path)) fail(ErrorCode::kNotFound, "{}: no config.json", folder.string());
  return parse_hf_config(MappedFile::open(path)->text(), path.string());
}

using Files = std::vector<std::unique_ptr<SafetensorsFile>>;

bool has_group_parts(const Files& files) {
  for (const auto& file : files)
    for (const SafetensorsEntry& entry : file->entries())
      if (is_group_part(entry.name)) return true;
  return false;
}

// Read from config.json, or else from a file of its own; nothing where no weight is quantised.
std::optional<GroupQuantization> quantization_of(const fs::path& folder, const HfConfig& config,
                                                 const Files& files) {
  if (!has_group_parts(files)) return std::nullopt;
  const auto quantization = config.quantization ? config.quantization : read_group_quantization(folder);
  if (!quantization)
    fail(ErrorCode::kBadConfig,
         "{}: the weights are quantised, but neither config.json has a quantization_config nor is a "
         "quantize_config.json there to say how",
         folder.string());
  return quantization;
}

// A bias that config.json says the model does not have: transformers leaves it out as well.
bool is_denied_bias(const ModelDescription& model, const std::optional<TensorKey>& key) {
  if (!key || !key->is_bias) return false;
  const auto denies = [&](TensorRole role) {
    return std::ranges::find(model.unbiased, role) != model.unbiased.end();
  };
  switch (key->role) {
    case TensorRole::kQueryKeyValue:
      return denies(TensorRole::kQuery);
    case TensorRole::kGateUp:
      return denies(TensorRole::kUp);
    case TensorRole::kSharedGateUp:
      return denies(TensorRole::kSharedUp);
    default:
      return denies(key->role);
  }
}

// How weights are stored that are no tensors of floating-point numbers.
struct Quantizations {
  std::optional<GroupQuantization> groups;
  std::optional<Fp8Quantization> fp8;
  bool is_packed = false;
};

void append(std::vector<HostTensor>& all, std::vector<HostTensor> more) {
  all.insert(all.end(), std::make_move_iterator(more.begin()), std::make_move_iterator(more.end()));
}

// Tensors of types that no weight has, such as position ids, are left out; a weight of such a type is
// refused.
std::vector<HostTensor> all_tensors(const Files& files, const Quantizations& quantized,
                                    const ModelDescription& model, std::vector<std::string>& left_out) {
  std::vector<HostTensor> all = mxfp4_tensors(files);
  Fp8Tensors fp8 = fp8_tensors(files, quantized.fp8);
  append(all, std::move(fp8.weights));
  if (quantized.groups) append(all, group_tensors(files, *quantized.groups));
  if (quantized.is_packed) append(all, packed_tensors(files));
  const auto is_part = [&](const SafetensorsEntry& entry) {
    return is_mxfp4_part(entry) || fp8.has_part(entry.name) ||
           (quantized.groups && is_group_part(entry.name)) ||
           (quantized.is_packed && is_packed_part(entry.name));
  };
  const NameTable names = model.architecture->tensor_names();
  for (const auto& file : files) {
    for (const SafetensorsEntry& entry : file->entries()) {
      if (is_part(entry)) continue;
      const auto key = names.parse(Naming::kHuggingFace, entry.name);
      if ((entry.type->format || key) && !is_denied_bias(model, key)) {
        all.push_back(file->tensor(entry));
      } else {
        left_out.push_back(entry.name);
      }
    }
  }
  if (model.architecture->adapt_hf) model.architecture->adapt_hf(all, model);
  split_latent(all, model, Naming::kHuggingFace);
  return all;
}

// Qwen3-Reranker's own folders have nothing but a card that says what they are.
bool is_judge_by_its_card(const fs::path& folder) {
  const fs::path card = folder / "README.md";
  if (!fs::is_regular_file(card)) return false;
  return MappedFile::open(card)->text().find("# Qwen3-Reranker") != std::string_view::npos;
}

// A language model that judges: its scores are the logits of "yes" and "no" behind a text.
void find_judges(const fs::path& folder, const ModelDescription& model, SentenceFiles& sentences) {
  if (model.encoder || model.text_head.classifies || sentences.present || !is_judge_by_its_card(folder))
    return;
  const auto tokenizer = load_hf_tokenizer(folder);
  if (!tokenizer) return;
  const auto yes = tokenizer->find("yes"), no = tokenizer->find("no");
  if (yes && no) sentences.judges = {*yes, *no};
}

SentenceFiles sentence_files(const fs::path& folder, const ModelDescription& model) {
  SentenceFiles sentences = read_sentence_files(folder, model.hidden, model.text_head.classifies);
  find_judges(folder, model, sentences);
  return sentences;
}

void set_judge(TextHeadDescription& head, const SentenceFiles& sentences, const ModelDescription& model,
               const fs::path& folder) {
  const int count = static_cast<int>(sentences.judges.size());
  for (const TokenId token : sentences.judges)
    if (token >= model.vocab)
      fail(ErrorCode::kBadConfig, "{}: LogitScore names token {}, but the vocabulary has {}", folder.string(),
           token, model.vocab);
  head.classifies = true;
  head.pooling = {TextPooling::kLast};
  head.layers = {{.weight = {TensorRole::kTextOut}, .norm = {}, .in = model.hidden, .out = count}};
  head.labels = {"yes", "no"};
  head.labels.resize(sentences.judges.size());
  if (const auto chat = hf_chat_template(folder)) set_form_of_template(head, *chat);
  if (head.pair_form.empty() && !sentences.present) set_usual_form(head);
  for (const auto& [name, text] : sentences.head.prompts)
    if (name == sentences.head.default_prompt && head.reads_instructions()) head.instruction = text;
}

// What the folder says of texts as a whole, beside what the model's own class says.
ModelDescription with_text_head(ModelDescription model, const SentenceFiles& sentences,
                                const fs::path& folder) {
  TextHeadDescription& head = model.text_head;
  head.max_tokens = sentences.head.max_tokens;
  if (!sentences.judges.empty()) {
    set_judge(head, sentences, model, folder);
    return model;
  }
  const TextHeadDescription& said = sentences.head;
  if (sentences.present && !head.classifies) {
    head.pooling = said.pooling;
    head.pools_prompt = said.pools_prompt;
    head.layers = said.layers;
    head.normalizes = said.normalizes;
  } else if (model.encoder && head.pooling.empty()) {
    head.pooling = {TextPooling::kMean};  // as sentence-transformers takes a folder without modules
  }
  head.prompts = said.prompts;
  head.default_prompt = said.default_prompt;
  return model;
}

// The rows of the head that give the logits of some tokens.
HostTensor judging_rows(const std::vector<HostTensor>& tensors, const std::vector<TokenId>& tokens,
                        const fs::path& folder) {
  for (const std::string_view name : {"lm_head.weight", "embed_tokens.weight"})
    for (const HostTensor& tensor : tensors)
      if (tensor.name.ends_with(name)) return selected_rows(tensor, {tokens.begin(), tokens.end()});
  fail(ErrorCode::kBadFile,
       "{}: no tensor lm_head.weight or embed_tokens.weight, of which its scores are made", folder.string());
}

// Adds the tensors of modules behind the pooling, by the names that the model's table of names has for them.
std::vector<HostTensor> with_modules(std::vector<HostTensor> tensors, const SentenceFiles& sentences,
                                     const ModelDescription& model, const fs::path& folder) {
  const NameTable names = model.architecture->tensor_names();
  if (!sentences.judges.empty()) {
    tensors.push_back(judging_rows(tensors, sentences.judges, folder));
    tensors.back().name = names.name(Naming::kHuggingFace, {TensorRole::kTextOut});
  }
  if (model.text_head.classifies) return tensors;
  for (size_t i = 0; i < sentences.layers.size(); ++i) {
    const SafetensorsFile& file = *sentences.layers[i];
    for (const SafetensorsEntry& entry : file.entries()) {
      TensorKey key = sentences.head.layers[i].weight;
      key.is_bias = entry.name == "linear.bias";
      if (!key.is_bias && entry.name != "linear.weight")
        fail(ErrorCode::kUnsupported, "{}: a Dense module has no place for {}", file.source(),
             in_quotes(entry.name));
      tensors.push_back(file.tensor(entry));
      tensors.back().name = names.name(Naming::kHuggingFace, key);
    }
  }
  return tensors;
}

class HfCheckpoint final : public Checkpoint {
 public:
  HfCheckpoint(const fs::path& folder, CheckpointParts parts)
      : HfCheckpoint(folder, parts, read_config(folder)) {}

  const ModelDescription& model() const override { return model_; }
  Naming naming() const override { return Naming::kHuggingFace; }
  const HostTensor* find(const TensorKey& key) const override { return tensors_.find(key); }
  const std::vector<HostTensor>& tensors() const override { return tensors_.all(); }
  Format main_format() const override { return tensors_.main_format(); }
  uint64_t bytes() const override { return tensors_.bytes(); }
  const GenerationDefaults& generation() const override { return generation_; }
  std::string format() const override {
    const std::string_view method = quantized_.groups      ? name_of(quantized_.groups->layout)
                                    : quantized_.fp8       ? "FP8"
                                    : quantized_.is_packed ? "packed"
                                                           : "";
    for (const HostTensor& tensor : tensors_.all())
      if (!method.empty() && tensor.maker != nullptr)
        return fmt::format("safetensors, {}, {}", method, name_of(tensor.format));
    return fmt::format("safetensors, {}", name_of(tensors_.main_format()));
  }

  bool intact() const override {
    return std::all_of(set_.files.begin(), set_.files.end(),
                       [](const auto& file) { return file->file().intact(); });
  }

  void release(const HostTensor& tensor) const override {
    const auto parts = tensor.maker ? tensor.maker->stored() : std::vector{tensor.bytes};
    for (const auto& file : set_.files)
      for (const std::span<const std::byte> part : parts) file->release(part);
  }

  std::optional<std::string> chat_template() const override { return hf_chat_template(folder_); }
  std::unique_ptr<const Tokenizer> load_tokenizer() const override {
    return load_hf_tokenizer(folder_, model_.vocab);
  }

 private:
  HfCheckpoint(const fs::path& folder, CheckpointParts parts, HfConfig config)
      : folder_(folder),
        set_(open_safetensors_set(folder)),
        quantized_{quantization_of(folder, config, set_.files), config.fp8, config.is_packed},
        sentences_(sentence_files(folder, config.model)),
        model_(with_text_head(std::move(config.model), sentences_, folder)),
        tensors_(
            Naming::kHuggingFace,
            with_modules(all_tensors(set_.files, quantized_, model_, left_out_), sentences_, model_, folder),
            folder.string(), model_.architecture->tensor_names()),
        generation_(hf_generation(folder, model_.vocab)) {
    // Embedding models are stored without a head, whatever config.json says of tied ones.
    if (!model_.text_head.pooling.empty() && !tensors_.find({TensorRole::kHead})) model_.tied_head = true;
    settle_tied_head(model_, tensors_);
    if (model_.architecture->settle_hf) model_.architecture->settle_hf(model_, tensors_);
    describe_mtp(parts.mtp, model_, tensors_);
    validate(model_, folder.string());
    check_absent_tensors(set_.absent, folder,
                         [&](std::string_view name) { return uses_hf_tensor(model_, name); });
    CheckedTensors checked = check_tensors(model_, tensors_);
    if (model_.architecture->finish_hf) model_.architecture->finish_hf(model_, tensors_);
    model_.parameters = checked.parameters;
    checked.unused.insert(checked.unused.end(), left_out_.begin(), left_out_.end());
    tell_unused_tensors(checked.unused, folder.string());
    if (generation_.stop_tokens.empty()) generation_.stop_tokens = std::move(config.stop_tokens);
    generation_.may_lack_stop_tokens = generation_.stop_tokens.empty();
    if (model_.name.empty()) model_.name = fs::absolute(folder).lexically_normal().filename().string();
  }

  fs::path folder_;
  std::vector<std::string> left_out_;
  SafetensorsSet set_;
  Quantizations quantized_;
  SentenceFiles sentences_;
  ModelDescription model_;
  TensorTable tensors_;
  GenerationDefaults generation_;
};

}  // namespace

std::unique_ptr<Checkpoint> open_hf_checkpoint(const fs::path& folder, CheckpointParts parts) {
  return std::make_unique<HfCheckpoint>(folder, parts);
}

}  // namespace ferrum
