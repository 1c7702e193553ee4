#include "checkpoint/file_type.h"

#include <array>

#include "base/ascii.h"
#include "checkpoint/architecture.h"

namespace ferrum {
namespace {

struct Entry {
  FileType type;
  std::string_view name;
  uint32_t number;
  Format main;
};

// In the order of the enumeration.
constexpr std::array<Entry, 20> kEntries = {{
    {FileType::kF32, "F32", 0, Format::kF32},
    {FileType::kF16, "F16", 1, Format::kF16},
    {FileType::kBF16, "BF16", 32, Format::kBF16},
    {FileType::kQ4_0, "Q4_0", 2, Format::kQ4_0},
    {FileType::kQ4_1, "Q4_1", 3, Format::kQ4_1},
    {FileType::kQ5_0, "Q5_0", 8, Format::kQ5_0},
    {FileType::kQ5_1, "Q5_1", 9, Format::kQ5_1},
    {FileType::kQ8_0, "Q8_0", 7, Format::kQ8_0},
    {FileType::kQ2_K, "Q2_K", 10, Format::kQ2_K},
    {FileType::kQ3_K_S, "Q3_K_S", 11, Format::kQ3_K},
    {FileType::kQ3_K_M, "Q3_K_M", 12, Format::kQ3_K},
    {FileType::kQ3_K_L, "Q3_K_L", 13, Format::kQ3_K},
    {FileType::kQ4_K_S, "Q4_K_S", 14, Format::kQ4_K},
    {FileType::kQ4_K_M, "Q4_K_M", 15, Format::kQ4_K},
    {FileType::kQ5_K_S, "Q5_K_S", 16, Format::kQ5_K},
    {FileType::kQ5_K_M, "Q5_K_M", 17, Format::kQ5_K},
    {FileType::kQ6_K, "Q6_K", 18, Format::kQ6_K},
    {FileType::kIQ4_NL, "IQ4_NL", 25, Format::kIQ4_NL},
    {FileType::kIQ4_XS, "IQ4_XS", 30, Format::kIQ4_XS},
    {FileType::kMXFP4_MOE, "MXFP4_MOE", 38, Format::kMXFP4},
}};

const Entry& entry_of(FileType type) { return kEntries[static_cast<size_t>(type)]; }

bool fits(Format format, int64_t cols) { return cols % traits(format).block_values == 0; }

// A format of about the same size whose blocks are shorter.
Format fitting(Format format, int64_t cols) {
  if (fits(format, cols)) return format;
  Format shorter = Format::kF16;
  switch (format) {
    case Format::kIQ4_XS:
      shorter = Format::kIQ4_NL;
      break;
    case Format::kQ2_K:
    case Format::kQ3_K:
      shorter = Format::kQ4_0;
      break;
    case Format::kQ4_K:
      shorter = Format::kQ5_0;
      break;
    case Format::kQ5_K:
      shorter = Format::kQ5_1;
      break;
    case Format::kQ6_K:
      shorter = Format::kQ8_0;
      break;
    default:
      break;
  }
  return fits(shorter, cols) ? shorter : Format::kF16;
}

// Where a wrong weight costs most: the first and the last eighth of the layers, and every third between.
bool is_sensitive(int layer, int layers) {
  return layer < layers / 8 || layer >= 7 * layers / 8 || (layer - layers / 8) % 3 == 2;
}

// What the rule knows of a model.
struct Shape {
  int layer, layers;
  bool eight_experts;    // Mixtral's count: its shared attention is small beside its experts
  bool grouped_heads;    // four or more query heads to a key head, so that v is small
  bool seventy_billion;  // as grouped_heads, and known to gain from it
};

Format of_head(Format main, int64_t cols) {
  if (!fits(main, cols)) return Format::kQ8_0;
  return main == Format::kQ8_0 ? main : Format::kQ6_K;
}

Format of_value_by_type(FileType type, Format main, const Shape& at) {
  switch (type) {
    case FileType::kQ2_K:
      return at.grouped_heads ? Format::kQ4_K : Format::kQ3_K;
    case FileType::kQ3_K_M:
      return at.layer < 2 ? Format::kQ5_K : Format::kQ4_K;
    case FileType::kQ3_K_L:
      return Format::kQ5_K;
    case FileType::kIQ4_NL:
    case FileType::kIQ4_XS:
      return at.grouped_heads ? Format::kQ5_K : main;
    case FileType::kQ4_K_M:
    case FileType::kQ5_K_M:
      return is_sensitive(at.layer, at.layers) ? Format::kQ6_K : main;
    case FileType::kQ4_K_S:
      return at.layer < 4 ? Format::kQ5_K : main;
    default:
      return main;
  }
}

Format of_value(FileType type, Format main, const Shape& at) {
  if (at.eight_experts) return Format::kQ8_0;
  const Format format = of_value_by_type(type, main, at);
  const bool small = format == Format::kQ3_K || format == Format::kQ4_K;
  return at.seventy_billion && small ? Format::kQ5_K : format;
}

Format of_down(FileType type, Format main, const Shape& at) {
  switch (type) {
    case FileType::kQ2_K:
      return Format::kQ3_K;
    case FileType::kQ3_K_M:
      return at.layer < at.layers / 16 ? Format::kQ5_K : Format::kQ4_K;
    case FileType::kQ3_K_L:
      return Format::kQ5_K;
    case FileType::kQ4_K_M:
    case FileType::kQ5_K_M:
      return is_sensitive(at.layer, at.layers) ? Format::kQ6_K : main;
    case FileType::kIQ4_NL:
    case FileType::kIQ4_XS:
    case FileType::kQ4_K_S:
      return at.layer < at.layers / 8 ? Format::kQ5_K : main;
    default:
      return main;
  }
}

Format of_attention_out(FileType type, Format main, const Shape& at) {
  if (at.eight_experts) {
    switch (type) {
      case FileType::kQ2_K:
      case FileType::kQ3_K_S:
      case FileType::kQ3_K_M:
      case FileType::kIQ4_NL:
      case FileType::kIQ4_XS:
      case FileType::kQ4_K_S:
      case FileType::kQ4_K_M:
        return Format::kQ5_K;
      default:
        return main;
    }
  }
  switch (type) {
    case FileType::kQ2_K:
      return Format::kQ3_K;
    case FileType::kQ3_K_M:
      return Format::kQ4_K;
    case FileType::kQ3_K_L:
      return Format::kQ5_K;
    default:
      return main;
  }
}

Format of_qkv(FileType type, Format main) {
  switch (type) {
    case FileType::kQ3_K_M:
    case FileType::kQ3_K_L:
      return Format::kQ4_K;
    case FileType::kQ4_K_M:
      return Format::kQ5_K;
    case FileType::kQ5_K_M:
      return Format::kQ6_K;
    default:
      return main;
  }
}

bool is_expert(TensorRole role) {
  return role == TensorRole::kExpertGate || role == TensorRole::kExpertUp ||
         role == TensorRole::kExpertGateUp || role == TensorRole::kExpertDown;
}

bool stays_float32(const TensorKey& key) {
  if (key.is_bias) return true;
  switch (key.role) {
    case TensorRole::kEmbedding:
    case TensorRole::kHead:
    case TensorRole::kQuery:
    case TensorRole::kKey:
    case TensorRole::kValue:
    case TensorRole::kQueryKeyValue:
    case TensorRole::kQueryDown:
    case TensorRole::kQueryUp:
    case TensorRole::kLatent:
    case TensorRole::kKeyUp:
    case TensorRole::kValueUp:
    case TensorRole::kAttentionOut:
    case TensorRole::kOutputGate:
    case TensorRole::kQueryAndGate:
    case TensorRole::kMixerIn:
    case TensorRole::kMixerGate:
    case TensorRole::kMixerOut:
    case TensorRole::kMixerGateDown:
    case TensorRole::kMixerGateUp:
    case TensorRole::kAlphaDown:
    case TensorRole::kAlphaUp:
    case TensorRole::kExpertsDown:
    case TensorRole::kExpertsUp:
    case TensorRole::kPerLayerEmbedding:
    case TensorRole::kPerLayerProjection:
    case TensorRole::kPerLayerGate:
    case TensorRole::kPerLayerOut:
    case TensorRole::kBeta:
    case TensorRole::kAlpha:
    case TensorRole::kRates:
    case TensorRole::kGate:
    case TensorRole::kUp:
    case TensorRole::kGateUp:
    case TensorRole::kDown:
    case TensorRole::kExpertGate:
    case TensorRole::kExpertUp:
    case TensorRole::kExpertGateUp:
    case TensorRole::kExpertDown:
    case TensorRole::kSharedGate:
    case TensorRole::kSharedUp:
    case TensorRole::kSharedGateUp:
    case TensorRole::kSharedDown:
    case TensorRole::kMtpProjection:
    case TensorRole::kMtpEmbedding:
    case TensorRole::kMtpHead:
      return false;
    default:
      return true;
  }
}

Format by_rule(FileType type, const ModelDescription& model, const TensorKey& key, int64_t cols) {
  const Format main = main_format(type);
  if (key.role == TensorRole::kHead || (key.role == TensorRole::kEmbedding && model.tied_head))
    return type == FileType::kMXFP4_MOE ? Format::kQ8_0 : of_head(main, cols);
  if (type == FileType::kMXFP4_MOE) return is_expert(key.role) ? Format::kMXFP4 : Format::kQ8_0;
  const std::string_view name = name_of(*model.architecture);
  const bool may_be_70b = name == "llama" || name == "qwen2";
  const AttentionDescription& heads = model.first_attention();
  const Shape at = {
      .layer = key.layer,
      .layers = model.depth(),
      .eight_experts = model.experts() == 8,
      .grouped_heads = heads.kv_heads > 0 && heads.q_heads / heads.kv_heads >= 4,
      .seventy_billion = may_be_70b && model.depth() == 80,
  };
  switch (key.role) {
    case TensorRole::kValue:
      return of_value(type, main, at);
    case TensorRole::kKey:
      return at.eight_experts ? Format::kQ8_0 : main;
    case TensorRole::kDown:
    case TensorRole::kExpertDown:
    case TensorRole::kSharedDown:
      return of_down(type, main, at);
    case TensorRole::kAttentionOut:
      return of_attention_out(type, main, at);
    case TensorRole::kQueryKeyValue:
    case TensorRole::kMixerIn:
      return of_qkv(type, main);
    default:
      return main;
  }
}

}  // namespace

std::string_view name_of(FileType type) { return entry_of(type).name; }
uint32_t gguf_number(FileType type) { return entry_of(type).number; }

std::optional<FileType> file_type_numbered(uint64_t number) {
  for (const Entry& e : kEntries)
    if (e.number == number) return e.type;
  return std::nullopt;
}
Format main_format(FileType type) { return entry_of(type).main; }

std::optional<FileType> file_type_named(std::string_view name) {
  for (const Entry& entry : kEntries)
    if (is_same_word(entry.name, name)) return entry.type;
  if (is_same_word(name, "MXFP4")) return FileType::kMXFP4_MOE;
  return std::nullopt;
}

std::string file_type_names() {
  std::string names;
  for (const Entry& entry : kEntries) names += (names.empty() ? "" : ", ") + std::string(entry.name);
  return names;
}

Format format_of_tensor(FileType type, const ModelDescription& model, const TensorKey& key, int64_t cols) {
  if (stays_float32(key)) return Format::kF32;
  if (is_float(main_format(type))) return main_format(type);
  return fitting(by_rule(type, model, key, cols), cols);
}

}  // namespace ferrum
