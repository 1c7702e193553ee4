// Llama 1 to 3.x, CWM, InternLM 3, Helium, Mistral, Ministral, Ministral 3, Mixtral: pre-norm RMS, SwiGLU,
// rotary positions; GGUF files of all of them permute q and k.
#include "checkpoint/gguf/gguf_reader.h"
#include "checkpoint/safetensors/hf_reader.h"

namespace ferrum {
namespace llama {

using Role = TensorRole;

constexpr double kUsualBeta = 0.1;  // of Ministral 3's temperature

bool every(int) { return true; }

void read_llama(HfReader& in) {
  in.biases("attention_bias", false, {Role::kQuery, Role::kKey, Role::kValue, Role::kAttentionOut});
  in.biases("mlp_bias", false, {Role::kGate, Role::kUp, Role::kDown});
}

// Every fourth layer, from the first on, sees everything.
void read_cwm(HfReader& in) {
  in.windows(8192, [](int layer) { return layer % 4 != 0; });
}

// Two fields for biases: of q, k and v, and of the products behind them.
void read_internlm3(HfReader& in) {
  in.biases("qkv_bias", false, {Role::kQuery, Role::kKey, Role::kValue});
  in.biases("bias", false, {Role::kAttentionOut, Role::kGate, Role::kUp, Role::kDown});
}

void respell_internlm3(Json& config) {
  if (!config.contains("qkv_bias") && config.contains("attention_bias"))
    config["qkv_bias"] = config["attention_bias"];
  if (!config.contains("bias") && config.contains("mlp_bias")) config["bias"] = config["mlp_bias"];
}

// Neighbours are rotated in folders too. The product behind the heads has no bias.
void read_helium(HfReader& in) {
  in.model().rope.interleaved = true;
  in.biases("attention_bias", false, {Role::kQuery, Role::kKey, Role::kValue});
  in.biases("mlp_bias", false, {Role::kGate, Role::kUp, Role::kDown});
}

// Files of Mixtral are called llama as well.
void read_gguf(GgufReader& in) {
  in.windows(every);
  in.experts(true);
}

void read_mistral(HfReader& in) { in.windows(4096, every); }

void read_ministral3(HfReader& in) {
  in.windows(0, every);
  in.temperature(kUsualBeta);
}

void read_mistral3_gguf(GgufReader& in) {
  in.windows(every);
  const float beta = in.number("attention.temperature_scale").value_or(0);
  if (beta == 0) return;
  in.model().temperature_beta = beta;
  in.model().temperature_length = in.model().rope.scaling.original_context;
}

void read_mixtral(HfReader& in) {
  in.windows(0, every);
  in.experts(std::vector<bool>(static_cast<size_t>(in.depth()), true), true);
}

constexpr HfName kLlamaNames[] = {{"llama", "LlamaForCausalLM"}};
constexpr HfName kMistralNames[] = {{"mistral", "MistralForCausalLM"},
                                    {"ministral", "MinistralForCausalLM"},
                                    {"mistral3", "Mistral3ForConditionalGeneration"}};
constexpr HfName kCwmNames[] = {{"cwm", "CwmForCausalLM"}};
constexpr HfName kInternLm3Names[] = {{"internlm3", "InternLM3ForCausalLM"}};
constexpr HfName kHeliumNames[] = {{"helium", "HeliumForCausalLM"}};
constexpr HfName kMinistral3Names[] = {{"ministral3", "Ministral3ForCausalLM"}};
constexpr HfName kMixtralNames[] = {{"mixtral", "MixtralForCausalLM"}};

}  // namespace llama

extern const Architecture kLlama = {.name = "llama",
                                    .hf = llama::kLlamaNames,
                                    .gguf_interleaved = true,
                                    .read_hf = llama::read_llama,
                                    .read_gguf = llama::read_gguf};
extern const Architecture kCwm = {
    .name = "cwm",
    .hf = llama::kCwmNames,
    .gguf = "llama",
    .hf_defaults = {.head_dim = 128,
                    .context = 131072,
                    .eps = 1e-5,
                    .theta = 1e6,
                    .kv_heads = 8,
                    .rope =
                        R"({"rope_type": "llama3", "rope_theta": 1000000, "factor": 16, "low_freq_factor": 1,
                               "high_freq_factor": 4, "original_max_position_embeddings": 8192})"},
    .gguf_interleaved = true,
    .read_hf = llama::read_cwm};
extern const Architecture kInternLm3 = {
    .name = "internlm3",
    .hf = llama::kInternLm3Names,
    .gguf = "llama",
    .hf_defaults = {.head_dim = 128, .context = 32768, .eps = 1e-5, .kv_heads = 2},
    .gguf_interleaved = true,
    .read_hf = llama::read_internlm3,
    .respell_hf = llama::respell_internlm3};
extern const Architecture kHelium = {
    .name = "helium",
    .hf = llama::kHeliumNames,
    .gguf = "llama",
    .hf_defaults = {.head_dim = 128, .context = 4096, .eps = 1e-8, .theta = 100000, .kv_heads = 20},
    .gguf_interleaved = true,
    .hf_interleaved = true,
    .read_hf = llama::read_helium};
extern const Architecture kMistral = {.name = "mistral",
                                      .hf = llama::kMistralNames,
                                      .gguf = "llama",
                                      .hf_defaults = {.context = 131072, .kv_heads = 8},
                                      .gguf_interleaved = true,
                                      .read_hf = llama::read_mistral};
extern const Architecture kMinistral3 = {
    .name = "ministral3",
    .hf = llama::kMinistral3Names,
    .gguf = "mistral3",
    .hf_defaults = {.head_dim = 128,
                    .context = 262144,
                    .eps = 1e-5,
                    .kv_heads = 8,
                    .rope = R"({"rope_type": "yarn", "rope_theta": 1000000, "factor": 16,
                               "original_max_position_embeddings": 16384, "beta_fast": 32, "beta_slow": 1,
                               "mscale": 1, "mscale_all_dim": 1})"},
    .gguf_interleaved = true,
    .read_hf = llama::read_ministral3,
    .read_gguf = llama::read_mistral3_gguf};
extern const Architecture kMixtral = {
    .name = "mixtral",
    .hf = llama::kMixtralNames,
    .gguf = "llama",
    .hf_defaults = {.context = 131072, .eps = 1e-5, .theta = 1e6, .kv_heads = 8, .experts = 8, .top_k = 2},
    .gguf_interleaved = true,
    .read_hf = llama::read_mixtral};

}  // namespace ferrum
