// The table of tensor names: the role of a tensor in the model, and its name in Hugging Face and GGUF files.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace ferrum {

enum class TensorRole : uint8_t {
  kEmbedding,
  kFinalNorm,
  kHead,
  kAttentionNorm,
  kQuery,
  kKey,
  kValue,
  kQueryKeyValue,
  kAttentionOut,
  kQueryNorm,
  kKeyNorm,
  kFfnNorm,
  kGate,
  kUp,
  kGateUp,
  kDown,
  kRouter,
  kExpertGate,
  kExpertUp,
  kExpertGateUp,
  kExpertDown,
  kRopeFrequencies,
  kRopeFactorsLong,
  kRopeFactorsShort,
};

struct TensorKey {
  TensorRole role = TensorRole::kEmbedding;
  int layer = -1;   // -1: of the whole model
  int expert = -1;  // -1: not of one expert (also: all experts in one tensor)
  bool is_bias = false;
  bool operator==(const TensorKey&) const = default;
};

enum class Naming { kHuggingFace, kGguf };

// The role of the tensor `name`; nothing if no supported architecture has such a tensor.
std::optional<TensorKey> parse_tensor_name(Naming naming, std::string_view name);
// Checked: that naming has such a tensor (Hugging Face has no RoPE factors, GGUF no stacked dense gate and
// up).
std::string tensor_name(Naming naming, const TensorKey& key);

}  // namespace ferrum
