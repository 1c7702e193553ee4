// Which format each tensor of a file type has.
#include "checkpoint/architecture.h"
#include "checkpoint/file_type.h"

namespace ferrum {
namespace {

bool fits(Format format, int64_t cols) { return cols % traits(format).block_values == 0; }

// A format of about the same size whose blocks are shorter.
Format fitting(Format format, int64_t cols) {
  if (fits(format, cols)) return format;
  Format shorter = Format::kF16;
  switch (format) {
    case Format::kIQ1_S:
    case Format::kIQ1_M:
    case Format::kIQ2_XXS:
    case Format::kIQ2_XS:
    case Format::kIQ2_S:
    case Format::kIQ3_XXS:
    case Format::kIQ3_S:
    case Format::kIQ4_XS:
      shorter = Format::kIQ4_NL;
      break;
    case Format::kTQ1_0:
    case Format::kTQ2_0:
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
  int experts;
  bool eight_experts;    // Mixtral's count: its shared attention is small beside its experts
  bool grouped_heads;    // four or more query heads to a key head, so that v is small
  bool seventy_billion;  // as grouped_heads, and known to gain from it
};

// Less than three bits a value, for which an importance matrix is needed; these have a rule of their own.
bool is_below_three_bits(FileType type) {
  switch (type) {
    case FileType::kIQ1_S:
    case FileType::kIQ1_M:
    case FileType::kIQ2_XXS:
    case FileType::kIQ2_XS:
    case FileType::kIQ2_S:
    case FileType::kIQ2_M:
      return true;
    default:
      return false;
  }
}

Format of_head(FileType type, Format main, int64_t cols) {
  if (!fits(main, cols)) return Format::kQ8_0;
  if (is_below_three_bits(type) || type == FileType::kIQ3_XXS) return Format::kQ5_K;
  return main == Format::kQ8_0 ? main : Format::kQ6_K;
}

Format of_embedding(FileType type, Format main) {
  switch (type) {
    case FileType::kIQ1_S:
    case FileType::kIQ1_M:
    case FileType::kIQ2_XXS:
    case FileType::kIQ2_XS:
      return Format::kQ2_K;
    case FileType::kIQ2_S:
    case FileType::kIQ2_M:
    case FileType::kIQ3_XXS:
      return Format::kIQ3_S;
    case FileType::kTQ1_0:
    case FileType::kTQ2_0:
      return Format::kQ4_K;
    default:
      return main;
  }
}

// Of the types below three bits: where more bits are worth their bytes, IQ3_S or Q2_K.
Format of_few_bits(FileType type, Format main, TensorRole role, const Shape& at) {
  const bool is_larger = type == FileType::kIQ2_S || type == FileType::kIQ2_M;
  const Format more = is_larger ? Format::kIQ3_S : Format::kQ2_K;
  switch (role) {
    case TensorRole::kValue:
      return at.grouped_heads || at.experts >= 4 ? Format::kQ4_K : more;
    case TensorRole::kKey:
      return at.experts == 8 ? Format::kQ4_K : main;
    case TensorRole::kDown:
    case TensorRole::kExpertDown:
    case TensorRole::kSharedDown:
      return at.layer < at.layers / 8 ? more : main;
    case TensorRole::kAttentionOut:
      if (at.experts == 8) return Format::kQ5_K;
      if (type == FileType::kIQ1_S || type == FileType::kIQ1_M) return Format::kIQ2_XXS;
      return is_larger ? Format::kIQ3_S : main;
    default:
      return main;
  }
}

Format of_value_by_type(FileType type, Format main, const Shape& at) {
  switch (type) {
    case FileType::kQ2_K:
      return at.grouped_heads ? Format::kQ4_K : Format::kQ3_K;
    case FileType::kQ2_K_S:
    case FileType::kIQ3_XS:
    case FileType::kIQ3_S:
      return at.grouped_heads ? Format::kQ4_K : main;
    case FileType::kIQ3_XXS:
      return at.grouped_heads ? Format::kQ4_K : Format::kIQ3_S;
    case FileType::kIQ3_M:
      return Format::kQ4_K;
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
  const bool is_early = at.layer < at.layers / 8;
  switch (type) {
    case FileType::kQ2_K:
      return Format::kQ3_K;
    case FileType::kQ2_K_S:
      return is_early ? Format::kQ4_K : main;
    case FileType::kIQ3_XXS:
      return is_early ? Format::kQ4_K : Format::kQ3_K;
    case FileType::kIQ3_M:
      return is_early || (at.eight_experts && is_sensitive(at.layer, at.layers)) ? Format::kQ4_K : main;
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
      return is_early ? Format::kQ5_K : main;
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
      case FileType::kIQ3_XXS:
      case FileType::kIQ3_XS:
      case FileType::kIQ3_S:
      case FileType::kIQ3_M:
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
    case FileType::kIQ3_XXS:
      return Format::kIQ3_S;
    case FileType::kIQ3_M:
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
    case FileType::kIQ3_M:
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

Format of_query_or_key(FileType type, Format main) {
  if (type == FileType::kIQ3_XS) return Format::kIQ3_XXS;
  return type == FileType::kIQ3_XXS ? Format::kIQ2_S : main;
}

// IQ3_XS saves where errors matter least: in the three quarters of the layers in the middle.
Format of_gate_and_up(FileType type, Format main, const Shape& at) {
  const bool is_middle = at.layer >= at.layers / 8 && at.layer < 7 * at.layers / 8;
  return type == FileType::kIQ3_XS && is_middle ? Format::kIQ3_XXS : main;
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
    return type == FileType::kMXFP4_MOE ? Format::kQ8_0 : of_head(type, main, cols);
  if (type == FileType::kMXFP4_MOE) return is_expert(key.role) ? Format::kMXFP4 : Format::kQ8_0;
  if (key.role == TensorRole::kEmbedding) return of_embedding(type, main);
  const std::string_view name = name_of(*model.architecture);
  const bool may_be_70b = name == "llama" || name == "qwen2";
  const AttentionDescription& heads = model.first_attention();
  const Shape at = {
      .layer = key.layer,
      .layers = model.depth(),
      .experts = model.experts(),
      .eight_experts = model.experts() == 8,
      .grouped_heads = heads.kv_heads > 0 && heads.q_heads / heads.kv_heads >= 4,
      .seventy_billion = may_be_70b && model.depth() == 80,
  };
  if (is_below_three_bits(type)) return of_few_bits(type, main, key.role, at);
  switch (key.role) {
    case TensorRole::kValue:
      return of_value(type, main, at);
    case TensorRole::kKey:
      return at.eight_experts ? Format::kQ8_0 : of_query_or_key(type, main);
    case TensorRole::kQuery:
      return of_query_or_key(type, main);
    case TensorRole::kGate:
    case TensorRole::kUp:
    case TensorRole::kExpertGate:
    case TensorRole::kExpertUp:
      return of_gate_and_up(type, main, at);
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

Format format_of_tensor(FileType type, const ModelDescription& model, const TensorKey& key, int64_t cols) {
  if (stays_float32(key)) return Format::kF32;
  if (is_float(main_format(type))) return main_format(type);
  return fitting(by_rule(type, model, key, cols), cols);
}

}  // namespace ferrum
