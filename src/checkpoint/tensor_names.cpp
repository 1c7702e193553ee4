#include "checkpoint/tensor_names.h"

#include <fmt/core.h>

#include <array>
#include <span>

#include "base/check.h"

namespace ferrum {
namespace {

using Role = TensorRole;

using Count = ExpertCount;

constexpr std::array kUsual = {
    TensorNames{Role::kEmbedding, Count::kNone, "embed_tokens", "token_embd"},
    TensorNames{Role::kFinalNorm, Count::kNone, "norm", "output_norm"},
    TensorNames{Role::kHead, Count::kNone, "lm_head", "output"},
    TensorNames{Role::kAttentionNorm, Count::kNone, "layers.#.input_layernorm", "blk.#.attn_norm"},
    TensorNames{Role::kQuery, Count::kNone, "layers.#.self_attn.q_proj", "blk.#.attn_q"},
    TensorNames{Role::kKey, Count::kNone, "layers.#.self_attn.k_proj", "blk.#.attn_k"},
    TensorNames{Role::kValue, Count::kNone, "layers.#.self_attn.v_proj", "blk.#.attn_v"},
    TensorNames{Role::kQueryKeyValue, Count::kNone, "layers.#.self_attn.qkv_proj", "blk.#.attn_qkv"},
    TensorNames{Role::kAttentionOut, Count::kNone, "layers.#.self_attn.o_proj", "blk.#.attn_output"},
    TensorNames{Role::kQueryNorm, Count::kNone, "layers.#.self_attn.q_norm", "blk.#.attn_q_norm"},
    TensorNames{Role::kKeyNorm, Count::kNone, "layers.#.self_attn.k_norm", "blk.#.attn_k_norm"},
    TensorNames{Role::kSinks, Count::kNone, "layers.#.self_attn.sinks!", "blk.#.attn_sinks"},
    TensorNames{Role::kOutputGate, Count::kNone, "layers.#.self_attn.gate_proj", "blk.#.attn_gate"},
    TensorNames{Role::kQueryDown, Count::kNone, "layers.#.self_attn.q_a_proj", "blk.#.attn_q_a"},
    TensorNames{Role::kQueryDownNorm, Count::kNone, "layers.#.self_attn.q_a_layernorm",
                "blk.#.attn_q_a_norm"},
    TensorNames{Role::kQueryUp, Count::kNone, "layers.#.self_attn.q_b_proj", "blk.#.attn_q_b"},
    TensorNames{Role::kLatent, Count::kNone, "layers.#.self_attn.kv_a_proj_with_mqa", "blk.#.attn_kv_a_mqa"},
    TensorNames{Role::kLatentNorm, Count::kNone, "layers.#.self_attn.kv_a_layernorm", "blk.#.attn_kv_a_norm"},
    TensorNames{Role::kLatentUp, Count::kNone, "layers.#.self_attn.kv_b_proj", "blk.#.attn_kv_b"},
    TensorNames{Role::kKeyUp, Count::kNone, "layers.#.self_attn.kv_b_proj.weight[k]!", "blk.#.attn_k_b"},
    TensorNames{Role::kValueUp, Count::kNone, "layers.#.self_attn.kv_b_proj.weight[v]!", "blk.#.attn_v_b"},
    TensorNames{Role::kFfnNorm, Count::kNone, "layers.#.post_attention_layernorm", "blk.#.ffn_norm"},
    TensorNames{Role::kAfterAttentionNorm, Count::kNone, "", "blk.#.post_attention_norm"},
    TensorNames{Role::kSecondAttentionNorm, Count::kNone, "", "blk.#.attn_norm_2"},
    TensorNames{Role::kAfterFfnNorm, Count::kNone, "layers.#.post_feedforward_layernorm",
                "blk.#.post_ffw_norm"},
    TensorNames{Role::kGate, Count::kNone, "layers.#.mlp.gate_proj", "blk.#.ffn_gate"},
    TensorNames{Role::kUp, Count::kNone, "layers.#.mlp.up_proj", "blk.#.ffn_up"},
    TensorNames{Role::kGateUp, Count::kNone, "layers.#.mlp.gate_up_proj", ""},
    TensorNames{Role::kDown, Count::kNone, "layers.#.mlp.down_proj", "blk.#.ffn_down"},
    TensorNames{Role::kRouter, Count::kNone, "layers.#.mlp.gate", "blk.#.ffn_gate_inp"},
    TensorNames{Role::kRouter, Count::kNone, "layers.#.block_sparse_moe.gate", ""},
    TensorNames{Role::kRouter, Count::kNone, "layers.#.mlp.router.gate", ""},
    TensorNames{Role::kSelectionBias, Count::kNone, "layers.#.mlp.gate.e_score_correction_bias!",
                "blk.#.exp_probs_b.bias!"},
    TensorNames{Role::kSelectionBias, Count::kNone, "layers.#.mlp.e_score_correction_bias!",
                "blk.#.exp_probs_b!"},
    TensorNames{Role::kSelectionBias, Count::kNone, "layers.#.mlp.expert_bias!", ""},
    TensorNames{Role::kSelectionBias, Count::kNone, "layers.#.mlp.experts.e_score_correction_bias!", ""},
    TensorNames{Role::kSelectionBias, Count::kNone, "layers.#.block_sparse_moe.e_score_correction_bias!", ""},
    TensorNames{Role::kSelectionBias, Count::kNone, "layers.#.mlp.moe_statics.e_score_correction_bias!", ""},
    TensorNames{Role::kExpertGate, Count::kOne, "layers.#.mlp.experts.#.gate_proj", "blk.#.ffn_gate.#"},
    TensorNames{Role::kExpertUp, Count::kOne, "layers.#.mlp.experts.#.up_proj", "blk.#.ffn_up.#"},
    TensorNames{Role::kExpertDown, Count::kOne, "layers.#.mlp.experts.#.down_proj", "blk.#.ffn_down.#"},
    TensorNames{Role::kExpertGate, Count::kOne, "layers.#.block_sparse_moe.experts.#.w1", ""},
    TensorNames{Role::kExpertUp, Count::kOne, "layers.#.block_sparse_moe.experts.#.w3", ""},
    TensorNames{Role::kExpertDown, Count::kOne, "layers.#.block_sparse_moe.experts.#.w2", ""},
    TensorNames{Role::kExpertGate, Count::kAll, "", "blk.#.ffn_gate_exps"},
    TensorNames{Role::kExpertUp, Count::kAll, "layers.#.mlp.experts.up_proj*", "blk.#.ffn_up_exps"},
    TensorNames{Role::kExpertGateUp, Count::kAll, "layers.#.mlp.experts.gate_up_proj*",
                "blk.#.ffn_gate_up_exps"},
    TensorNames{Role::kExpertDown, Count::kAll, "layers.#.mlp.experts.down_proj*", "blk.#.ffn_down_exps"},
    TensorNames{Role::kExpertsDown, Count::kNone, "", "blk.#.ffn_latent_down"},
    TensorNames{Role::kExpertsUp, Count::kNone, "", "blk.#.ffn_latent_up"},
    TensorNames{Role::kSharedRouter, Count::kNone, "layers.#.mlp.shared_expert_gate",
                "blk.#.ffn_gate_inp_shexp"},
    TensorNames{Role::kSharedGate, Count::kNone, "layers.#.mlp.shared_experts.gate_proj",
                "blk.#.ffn_gate_shexp"},
    TensorNames{Role::kSharedUp, Count::kNone, "layers.#.mlp.shared_experts.up_proj", "blk.#.ffn_up_shexp"},
    TensorNames{Role::kSharedDown, Count::kNone, "layers.#.mlp.shared_experts.down_proj",
                "blk.#.ffn_down_shexp"},
    TensorNames{Role::kSharedGate, Count::kNone, "layers.#.mlp.shared_expert.gate_proj", ""},
    TensorNames{Role::kSharedUp, Count::kNone, "layers.#.mlp.shared_expert.up_proj", ""},
    TensorNames{Role::kSharedDown, Count::kNone, "layers.#.mlp.shared_expert.down_proj", ""},
    TensorNames{Role::kSharedGate, Count::kNone, "layers.#.mlp.shared_mlp.gate_proj", ""},
    TensorNames{Role::kSharedUp, Count::kNone, "layers.#.mlp.shared_mlp.up_proj", ""},
    TensorNames{Role::kSharedDown, Count::kNone, "layers.#.mlp.shared_mlp.down_proj", ""},
    TensorNames{Role::kMtpProjection, Count::kNone, "layers.#.eh_proj", "blk.#.nextn.eh_proj"},
    TensorNames{Role::kMtpEmbeddingNorm, Count::kNone, "layers.#.enorm", "blk.#.nextn.enorm"},
    TensorNames{Role::kMtpHiddenNorm, Count::kNone, "layers.#.hnorm", "blk.#.nextn.hnorm"},
    TensorNames{Role::kMtpNorm, Count::kNone, "layers.#.shared_head.norm", "blk.#.nextn.shared_head_norm"},
    TensorNames{Role::kMtpEmbedding, Count::kNone, "layers.#.embed_tokens", "blk.#.nextn.embed_tokens"},
    TensorNames{Role::kMtpHead, Count::kNone, "layers.#.shared_head.head", "blk.#.nextn.shared_head_head"},
    TensorNames{Role::kPositionEmbedding, Count::kNone, "", "position_embd"},
    TensorNames{Role::kTypeEmbedding, Count::kNone, "", "token_types"},
    TensorNames{Role::kEmbeddingNorm, Count::kNone, "", "token_embd_norm"},
    TensorNames{Role::kTextModule, Count::kNone, "dense_#", "dense_#"},
    TensorNames{Role::kTextDense, Count::kNone, "", "cls"},
    TensorNames{Role::kTextNorm, Count::kNone, "", "cls.norm"},
    TensorNames{Role::kTextOut, Count::kNone, "score", "cls.output"},
    TensorNames{Role::kRopeFrequencies, Count::kNone, "", "rope_freqs"},
    TensorNames{Role::kRopeFactorsLong, Count::kNone, "", "rope_factors_long"},
    TensorNames{Role::kRopeFactorsShort, Count::kNone, "", "rope_factors_short"},
};

std::string_view name_in(Naming naming, const TensorNames& row) {
  return naming == Naming::kHuggingFace ? row.hugging_face : row.gguf;
}

// What wrappings put before the names of a text model. The first is what a text model's own checkpoint has;
// the last, of those of the model without its head.
constexpr std::array<std::string_view, 12> kPrefixes = {"model.",
                                                        "backbone.",
                                                        "model.language_model.",
                                                        "language_model.model.",
                                                        "model.text_model.",
                                                        "language_model.",
                                                        "bert.",
                                                        "roberta.",
                                                        "new.",
                                                        "gte.",
                                                        "nomic_bert.",
                                                        ""};

struct Suffixes {
  std::string_view weight;
  std::optional<std::string_view> bias;
};

Suffixes take_suffixes(std::string_view& pattern) {
  const char last = pattern.back();
  if (last != '!' && last != '*') return {".weight", ".bias"};
  pattern.remove_suffix(1);
  return last == '!' ? Suffixes{"", {}} : Suffixes{"", "_bias"};
}

// Takes a number without leading zeros off the front of `text`.
std::optional<int> take_number(std::string_view& text) {
  constexpr size_t kMaxDigits = 9;
  size_t digits = 0;
  int value = 0;
  while (digits < text.size() && digits <= kMaxDigits && text[digits] >= '0' && text[digits] <= '9') {
    if (digits < kMaxDigits) value = value * 10 + (text[digits] - '0');
    ++digits;
  }
  if (digits == 0 || digits > kMaxDigits || (digits > 1 && text[0] == '0')) return std::nullopt;
  text.remove_prefix(digits);
  return value;
}

// Matches `pattern` against the front of `name`; gives what is left of the name.
std::optional<std::string_view> match(std::string_view pattern, std::string_view name, TensorKey& key) {
  bool saw_layer = false;
  for (const char c : pattern) {
    if (c == '#') {
      const auto number = take_number(name);
      if (!number) return std::nullopt;
      (saw_layer ? key.expert : key.layer) = *number;
      saw_layer = true;
    } else if (name.empty() || name[0] != c) {
      return std::nullopt;
    } else {
      name.remove_prefix(1);
    }
  }
  return name;
}

std::optional<TensorKey> parse_row(Naming naming, const TensorNames& row, std::string_view name) {
  std::string_view pattern = name_in(naming, row);
  if (pattern.empty()) return std::nullopt;
  const Suffixes suffixes = take_suffixes(pattern);
  TensorKey key = {.role = row.role};
  const auto rest = match(pattern, name, key);
  if (!rest) return std::nullopt;
  key.is_bias = suffixes.bias && *rest == *suffixes.bias;
  return key.is_bias || *rest == suffixes.weight ? std::optional(key) : std::nullopt;
}

bool is_row_of(const TensorNames& row, const TensorKey& key) {
  return row.role == key.role && (row.experts == Count::kOne) == (key.expert >= 0);
}

bool is_replaced(std::span<const TensorNames> own, Naming naming, const TensorNames& usual) {
  for (const TensorNames& row : own)
    if (row.role == usual.role && row.experts == usual.experts && !name_in(naming, row).empty()) return true;
  return false;
}

// body(row) for each row that counts, until one gives true.
template <class Body>
bool any_row(std::span<const TensorNames> own, Naming naming, const Body& body) {
  for (const TensorNames& row : own)
    if (body(row)) return true;
  for (const TensorNames& row : kUsual)
    if (!is_replaced(own, naming, row) && body(row)) return true;
  return false;
}

std::string spelled(Naming naming, const TensorNames& row, const TensorKey& key) {
  std::string_view pattern = name_in(naming, row);
  const Suffixes suffixes = take_suffixes(pattern);
  std::string name;
  if (naming == Naming::kHuggingFace && row.role != Role::kHead) name = kPrefixes.front();
  bool saw_layer = false;
  for (const char c : pattern) {
    if (c != '#') {
      name += c;
      continue;
    }
    name += std::to_string(saw_layer ? key.expert : key.layer);
    saw_layer = true;
  }
  return name.append(key.is_bias && suffixes.bias ? *suffixes.bias : suffixes.weight);
}

}  // namespace

std::optional<TensorKey> NameTable::parse(Naming naming, std::string_view name) const {
  std::optional<TensorKey> key;
  const auto try_name = [&](std::string_view rest) {
    return any_row(own_, naming, [&](const TensorNames& row) {
      key = parse_row(naming, row, rest);
      return key.has_value();
    });
  };
  if (naming == Naming::kGguf) {
    try_name(name);
    return key;
  }
  // transformers 5.24 saves Kimi K2.5's layers by the word that the blocks of its vision tower have.
  constexpr std::string_view kBlocks = "language_model.model.blocks.";
  if (name.starts_with(kBlocks)) {
    try_name("layers." + std::string(name.substr(kBlocks.size())));
    return key;
  }
  for (const std::string_view prefix : kPrefixes)
    if (name.starts_with(prefix) && try_name(name.substr(prefix.size()))) return key;
  return std::nullopt;
}

std::string NameTable::find_name(Naming naming, const TensorKey& key) const {
  std::string name;
  any_row(own_, naming, [&](const TensorNames& row) {
    if (!is_row_of(row, key) || name_in(naming, row).empty()) return false;
    name = spelled(naming, row, key);
    return true;
  });
  return name;
}

std::string NameTable::name(Naming naming, const TensorKey& key) const {
  std::string name = find_name(naming, key);
  check(!name.empty(), fmt::format("this naming has tensors of role {}", static_cast<int>(key.role)));
  return name;
}

bool is_of_another_modality(std::string_view name) {
  constexpr std::array<std::string_view, 13> kParts = {
      "vision_tower.", "vision_model.", "vision_encoder.",        "vision_adapter.", "vision_projection.",
      "visual.",       "audio_tower.",  "multi_modal_projector.", "mm_projector.",   "embed_vision.",
      "embed_audio.",  "image_newline", "patch_merger."};
  for (const std::string_view prefix : {std::string_view("model."), std::string_view()}) {
    if (!name.starts_with(prefix)) continue;
    for (const std::string_view part : kParts)
      if (name.substr(prefix.size()).starts_with(part)) return true;
  }
  return false;
}

}  // namespace ferrum
