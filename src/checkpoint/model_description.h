// The description of a model, from either checkpoint format: numbers only, checked and in range.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace ferrum {

enum class Architecture { kLlama, kMistral, kQwen2, kQwen3, kQwen3Moe };
std::string_view name_of(
    Architecture architecture);  // "llama", …: GGUF's general.architecture where it has one

struct RopeScaling {
  enum class Kind { kNone, kLinear, kDynamic, kLlama3, kYarn, kLongRope };
  Kind kind = Kind::kNone;
  float factor = 1;
  int original_context = 0;                        // positions the model was trained on before scaling
  float low_frequency_factor = 1;                  // llama3
  float high_frequency_factor = 4;                 // llama3
  float beta_fast = 32;                            // yarn
  float beta_slow = 1;                             // yarn
  bool truncate = true;                            // yarn: round the correction range to whole dimensions
  std::optional<float> attention_factor;           // yarn, longrope: scales cos and sin; else computed
  std::optional<float> mscale, mscale_all_dim;     // yarn (DeepSeek's form)
  std::vector<float> short_factors, long_factors;  // longrope: [rotary_dim / 2] each
};

struct RopeDescription {
  float theta = 10000;
  int rotary_dim = 0;        // of head_dim; even
  bool interleaved = false;  // pairs (2i, 2i + 1), as GGUF files of the llama architecture store q and k
  RopeScaling scaling;
  std::vector<float> frequency_divisors;  // [rotary_dim / 2] or empty: GGUF's rope_freqs.weight
};

struct ModelDescription {
  Architecture architecture = Architecture::kLlama;
  std::string name;  // for people

  int layers = 0;
  int hidden = 0;
  int vocab = 0;
  int q_heads = 0;
  int kv_heads = 0;
  int head_dim = 0;
  int ffn = 0;  // of the dense layers; 0 where there are none
  float norm_eps = 1e-5f;
  int context = 0;  // positions the model is made for
  RopeDescription rope;

  int window = 0;                    // of layers with sliding-window attention; 0: none has
  std::vector<bool> sliding_layers;  // [layers]

  // Mixture of experts; experts == 0: none.
  int experts = 0;
  int experts_per_token = 0;
  int expert_ffn = 0;
  bool renormalize_experts = true;
  std::vector<bool> moe_layers;  // [layers]

  bool tied_head = false;  // the head is the embedding table

  int64_t parameters = 0;  // of all tensors that the model uses
};

// Checks ranges, and fields against each other (faults B13, B14). Error kBadConfig naming `source` and the
// field.
void validate(const ModelDescription& model, const std::string& source);

}  // namespace ferrum
