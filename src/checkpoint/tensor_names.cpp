#include "checkpoint/tensor_names.h"

#include <fmt/format.h>

#include <array>

#include "base/check.h"

namespace ferrum {
namespace {

using Role = TensorRole;

// How many experts' values a tensor holds.
enum class Experts : uint8_t { kNone, kOne, kAll };

// "#" in a name stands for a number: first of the layer, then of the expert. An empty name: files of that
// kind have no such tensor. Names are without ".weight" or ".bias".
struct Row {
  Role role;
  Experts experts;
  std::string_view hugging_face;
  std::string_view gguf;
};

constexpr std::array kTable = {
    Row{Role::kEmbedding, Experts::kNone, "model.embed_tokens", "token_embd"},
    Row{Role::kFinalNorm, Experts::kNone, "model.norm", "output_norm"},
    Row{Role::kHead, Experts::kNone, "lm_head", "output"},
    Row{Role::kAttentionNorm, Experts::kNone, "model.layers.#.input_layernorm", "blk.#.attn_norm"},
    Row{Role::kQuery, Experts::kNone, "model.layers.#.self_attn.q_proj", "blk.#.attn_q"},
    Row{Role::kKey, Experts::kNone, "model.layers.#.self_attn.k_proj", "blk.#.attn_k"},
    Row{Role::kValue, Experts::kNone, "model.layers.#.self_attn.v_proj", "blk.#.attn_v"},
    Row{Role::kQueryKeyValue, Experts::kNone, "model.layers.#.self_attn.qkv_proj", "blk.#.attn_qkv"},
    Row{Role::kAttentionOut, Experts::kNone, "model.layers.#.self_attn.o_proj", "blk.#.attn_output"},
    Row{Role::kQueryNorm, Experts::kNone, "model.layers.#.self_attn.q_norm", "blk.#.attn_q_norm"},
    Row{Role::kKeyNorm, Experts::kNone, "model.layers.#.self_attn.k_norm", "blk.#.attn_k_norm"},
    Row{Role::kFfnNorm, Experts::kNone, "model.layers.#.post_attention_layernorm", "blk.#.ffn_norm"},
    Row{Role::kGate, Experts::kNone, "model.layers.#.mlp.gate_proj", "blk.#.ffn_gate"},
    Row{Role::kUp, Experts::kNone, "model.layers.#.mlp.up_proj", "blk.#.ffn_up"},
    Row{Role::kGateUp, Experts::kNone, "model.layers.#.mlp.gate_up_proj", ""},
    Row{Role::kDown, Experts::kNone, "model.layers.#.mlp.down_proj", "blk.#.ffn_down"},
    Row{Role::kRouter, Experts::kNone, "model.layers.#.mlp.gate", "blk.#.ffn_gate_inp"},
    Row{Role::kExpertGate, Experts::kOne, "model.layers.#.mlp.experts.#.gate_proj", "blk.#.ffn_gate.#"},
    Row{Role::kExpertUp, Experts::kOne, "model.layers.#.mlp.experts.#.up_proj", "blk.#.ffn_up.#"},
    Row{Role::kExpertDown, Experts::kOne, "model.layers.#.mlp.experts.#.down_proj", "blk.#.ffn_down.#"},
    Row{Role::kExpertGate, Experts::kAll, "", "blk.#.ffn_gate_exps"},
    Row{Role::kExpertUp, Experts::kAll, "", "blk.#.ffn_up_exps"},
    Row{Role::kExpertGateUp, Experts::kAll, "model.layers.#.mlp.experts.gate_up_proj",
        "blk.#.ffn_gate_up_exps"},
    Row{Role::kExpertDown, Experts::kAll, "model.layers.#.mlp.experts.down_proj", "blk.#.ffn_down_exps"},
    Row{Role::kRopeFrequencies, Experts::kNone, "", "rope_freqs"},
    Row{Role::kRopeFactorsLong, Experts::kNone, "", "rope_factors_long"},
    Row{Role::kRopeFactorsShort, Experts::kNone, "", "rope_factors_short"},
};

std::string_view name_in(Naming naming, const Row& row) {
  return naming == Naming::kHuggingFace ? row.hugging_face : row.gguf;
}

struct Suffixes {
  std::string_view weight, bias;
};

// Hugging Face keeps all experts of a layer in parameters of their own, which have no ".weight".
Suffixes suffixes_of(Naming naming, const Row& row) {
  if (naming == Naming::kHuggingFace && row.experts == Experts::kAll) return {"", "_bias"};
  return {".weight", ".bias"};
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

std::optional<TensorKey> parse_row(Naming naming, const Row& row, std::string_view pattern,
                                   std::string_view name) {
  TensorKey key = {.role = row.role};
  const auto rest = match(pattern, name, key);
  if (!rest) return std::nullopt;
  const Suffixes suffixes = suffixes_of(naming, row);
  key.is_bias = *rest == suffixes.bias;
  return key.is_bias || *rest == suffixes.weight ? std::optional(key) : std::nullopt;
}

bool is_row_of(const Row& row, const TensorKey& key) {
  return row.role == key.role && (row.experts == Experts::kOne) == (key.expert >= 0);
}

}  // namespace

std::optional<TensorKey> parse_tensor_name(Naming naming, std::string_view name) {
  constexpr std::string_view kModel = "model.";  // left out by checkpoints of the model without its head
  for (const Row& row : kTable) {
    const std::string_view pattern = name_in(naming, row);
    if (pattern.empty()) continue;
    if (const auto key = parse_row(naming, row, pattern, name)) return key;
    if (naming != Naming::kHuggingFace || !pattern.starts_with(kModel)) continue;
    if (const auto key = parse_row(naming, row, pattern.substr(kModel.size()), name)) return key;
  }
  return std::nullopt;
}

std::string tensor_name(Naming naming, const TensorKey& key) {
  for (const Row& row : kTable) {
    const std::string_view pattern = name_in(naming, row);
    if (!is_row_of(row, key) || pattern.empty()) continue;
    std::string name;
    bool saw_layer = false;
    for (const char c : pattern) {
      if (c != '#') {
        name += c;
        continue;
      }
      name += std::to_string(saw_layer ? key.expert : key.layer);
      saw_layer = true;
    }
    const Suffixes suffixes = suffixes_of(naming, row);
    return name.append(key.is_bias ? suffixes.bias : suffixes.weight);
  }
  check(false, fmt::format("this naming has tensors of role {}", static_cast<int>(key.role)));
  return {};
}

}  // namespace ferrum
