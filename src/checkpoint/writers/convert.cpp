#include "checkpoint/writers/convert.h"

#include <algorithm>
#include <cmath>
#include <string>
#include <utility>
#include <vector>

#include "base/error.h"
#include "base/log.h"
#include "checkpoint/checkpoint.h"
#include "checkpoint/gguf/gguf_check.h"
#include "checkpoint/gguf/gguf_layout.h"
#include "checkpoint/gguf/gguf_writer.h"
#include "checkpoint/model_card.h"
#include "checkpoint/tensor_plan.h"
#include "checkpoint/tokenizer/hf_tokenizer.h"
#include "checkpoint/writers/tensor_rows.h"
#include "checkpoint/writers/tokenizer_metadata.h"
#include "checkpoint/writers/weight_factors.h"

namespace ferrum {
namespace {

namespace fs = std::filesystem;
using Role = TensorRole;

constexpr float kMaxTopK = 1 << 24;  // a larger vocabulary is refused

void check_folder(const fs::path& source) {
  if (!fs::exists(source)) fail(ErrorCode::kNotFound, "{}: no such folder", in_quotes(source.string()));
  if (!fs::exists(source / "config.json"))
    fail(ErrorCode::kBadArgument,
         "{} is not a Hugging Face folder, which has a config.json and safetensors files",
         in_quotes(source.string()));
}

// The type of what is stored as floating-point numbers.
FileType float_type_of(const Checkpoint& checkpoint) {
  switch (checkpoint.find({Role::kEmbedding})->format) {
    case Format::kF32:
      return FileType::kF32;
    case Format::kF16:
      return FileType::kF16;
    default:
      return FileType::kBF16;
  }
}

// The type that the checkpoint is in; MXFP4_MOE where its experts are MXFP4, which GGUF has too.
FileType type_of(const Checkpoint& checkpoint, const fs::path& source) {
  for (const HostTensor& tensor : checkpoint.tensors())
    if (!is_float(tensor.format) && tensor.format != Format::kMXFP4)
      fail(ErrorCode::kUnsupported,
           "{}: the weights are groups of 4-bit integers ({}), which GGUF has no type for; say with --type "
           "to what "
           "they shall be decoded: F32, F16, BF16 or Q8_0",
           in_quotes(source.string()), checkpoint.format());
  for (const HostTensor& tensor : checkpoint.tensors())
    if (tensor.format == Format::kMXFP4) return FileType::kMXFP4_MOE;
  return float_type_of(checkpoint);
}

void check_type(FileType type) {
  switch (type) {
    case FileType::kF32:
    case FileType::kF16:
    case FileType::kBF16:
    case FileType::kQ8_0:
      return;
    default:
      fail(ErrorCode::kUnsupported, "{}: the types that a conversion writes are F32, F16, BF16 and Q8_0",
           name_of(type));
  }
}

// Whether the checkpoint has a bias that it need not have.
bool has_bias(const Checkpoint& checkpoint, const PlannedTensor& p) {
  if (!p.key.is_bias) return false;
  TensorKey of_one_expert = p.key;
  of_one_expert.expert = 0;
  return checkpoint.find(p.key) != nullptr || checkpoint.find(of_one_expert) != nullptr ||
         (p.fused != Role::kEmbedding && checkpoint.find({p.fused, p.key.layer, -1, true}) != nullptr);
}

void set_card(GgufHeader& header, const fs::path& folder) {
  const ModelCard card = read_model_card(folder);
  if (!card.license.empty()) header.set("general.license", card.license);
}

void set_generation(GgufHeader& header, const GenerationDefaults& generation) {
  const auto set = [&](const char* key, const std::optional<float>& value) {
    if (value) header.set(key, *value);
  };
  set("general.sampling.temp", generation.temperature);
  set("general.sampling.top_p", generation.top_p);
  set("general.sampling.min_p", generation.min_p);
  set("general.sampling.penalty_repeat", generation.repetition_penalty);
  const float top_k = generation.top_k.value_or(-1);
  if (top_k >= 0 && top_k <= kMaxTopK && top_k == std::trunc(top_k))
    header.set("general.sampling.top_k", static_cast<int32_t>(top_k));
}

// Readers take the second text of a pair for tokens of the second type. A model whose tokenizer does not say
// types has learned the first alone.
void leave_out_unused_types(ModelDescription& model, const fs::path& source) {
  if (!model.encoder || model.encoder->types < 2 || !model.text_head.classifies) return;
  const auto tokenizer = read_hf_tokenizer(source);
  if (!tokenizer || tokenizer->special.pair.empty()) return;
  const auto is_first = [](const TemplatePart& part) { return part.type == 0; };
  if (std::ranges::all_of(tokenizer->special.pair, is_first)) model.encoder->types = 1;
}

// What a folder of an embedding model or a classifier says and GGUF has no key for.
void warn_of_texts(const ModelDescription& model, const std::string& source) {
  const TextHeadDescription& head = model.text_head;
  const auto warn = [&](std::string_view what) {
    log::warn("{}: GGUF has no key for {}", in_quotes(source), what);
  };
  if (!head.prompts.empty()) warn("the prompts of an embedding model: put them before the texts yourself");
  if (!head.pooling.empty() && !head.classifies && !head.normalizes)
    warn("embeddings that are not normalised: those of the file have length 1");
  if (head.scores != TextHeadDescription::Scores::kUsual)
    warn("the function of a classifier's scores: the file's are the usual ones of its logits");
  if (std::ranges::any_of(model.layers, [](const auto& layer) { return layer.feed_forward.mixture_bias; }))
    warn("the bias that experts have together: embeddings differ by it, with other converters too");
}

}  // namespace

ConversionType conversion_type(const Checkpoint& checkpoint, const fs::path& source,
                               std::optional<FileType> wanted) {
  if (wanted) check_type(*wanted);
  const FileType type = wanted ? *wanted : type_of(checkpoint, source);
  return {type, type == FileType::kMXFP4_MOE ? float_type_of(checkpoint) : type, !wanted};
}

void convert(const fs::path& source, const fs::path& target, const ConvertOptions& options) {
  check_folder(source);
  const std::unique_ptr<Checkpoint> checkpoint = Checkpoint::open(source, kPartsOfGguf);
  convert(*checkpoint, source, target, conversion_type(*checkpoint, source, options.type), options.pipeline);
}

void convert(const Checkpoint& checkpoint, const fs::path& source, const fs::path& target,
             const ConversionType& type, const RowPipelineOptions& pipeline) {
  ModelDescription model = gguf_form(checkpoint.model());
  leave_out_unused_types(model, source);
  // Experts that are MXFP4 stay so, bit for bit, beside tensors in the type that the folder has.
  const bool keeps_mxfp4 = type.file == FileType::kMXFP4_MOE;

  check_fits_gguf(model, source.string());
  GgufHeader header;
  set_model_metadata(header, model, type.file, source.string());
  set_card(header, source);
  set_generation(header, checkpoint.generation());
  set_hf_tokenizer(header, source, model.vocab, checkpoint.generation().stop_tokens);

  warn_of_texts(checkpoint.model(), source.string());
  std::vector<TensorRows> rows;
  for (const GgufLayoutTensor& tensor :
       gguf_tensors(model, [&](const PlannedTensor& p) { return has_bias(checkpoint, p); })) {
    rows.emplace_back(checkpoint, tensor);
    const bool keeps = keeps_mxfp4 && rows.back().stored_format() == Format::kMXFP4;
    Format format =
        keeps ? Format::kMXFP4 : format_of_tensor(type.usual, model, tensor.key, tensor.shape.back());
    if (type.as_stored && rows.back().needs_more_digits()) format = Format::kF32;
    header.add({tensor.name, format, tensor.shape});
  }
  if (!model.rope.scaling.truncate)
    log::warn(
        "{}: rope_scaling.truncate is false, for which the file has a key that Ferrum reads; other readers "
        "round the range of YaRN, and their answers differ a little",
        in_quotes(source.string()));
  GgufWriter writer(target, header);
  const MakeRows make = [&](size_t tensor, int64_t first_row, std::span<std::byte> out) {
    rows[tensor].encode(first_row, header.tensors()[tensor].format, out);
  };
  write_rows(writer, header, make, pipeline);
  if (!checkpoint.intact())
    fail(ErrorCode::kBadFile, "{}: a file was cut while it was read", in_quotes(source.string()));
  writer.finish();
}

}  // namespace ferrum
