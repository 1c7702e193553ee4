// Latent attention with experts: DeepSeek V2, V3, R1 and V3.1, Kimi K2 (which is V3), GLM-4.7-Flash and
// Mistral 4. They differ in how experts are chosen and in what a configuration means where it is silent. GGUF
// has all but Mistral 4 as one architecture. MiniCPM 3: latent attention without experts; embeddings,
// residual and logits are scaled.
#include <cmath>

#include "base/error.h"
#include "checkpoint/architectures/minicpm.h"
#include "checkpoint/gguf/gguf_reader.h"
#include "checkpoint/safetensors/hf_reader.h"

namespace ferrum {
namespace deepseek {

using Role = TensorRole;
using Score = RoutingDescription::Score;

constexpr float kLeastSum = 1e-20F;      // of the weights of a token's experts
constexpr float kMultiplierUnit = 0.1F;  // of yarn_log_multiplier, in these architectures

// What a configuration means where it is silent.
struct Usual {
  int query_latent = 1536;
  int latent = 512;
  int plain_dim = 128;  // of a head of q and k, not rotated
  int rope_dim = 64;
  int value_dim = 128;
  int dense_layers = 0;
  int groups = 1;
  int groups_used = 1;
};

// The magnitude by mscale_all_dim, YaRN's or that of another scaling, is part of the scale of q·k.
float scale_of(const AttentionDescription& a, const RopeScaling& s) {
  const float mscale_all = s.mscale_all_dim.value_or(0);
  const float magnitude = s.factor > 1 ? 0.1F * mscale_all * std::log(s.factor) + 1 : 1;
  return magnitude * magnitude / std::sqrt(static_cast<float>(std::max(a.head_dim, 1)));
}

void read_attention(HfReader& in, const Usual& usual) {
  ModelDescription& model = in.model();
  // null: there is none
  const int query_latent = in.config().contains("q_lora_rank")
                               ? in.config().find_integer("q_lora_rank").value_or(0)
                               : usual.query_latent;
  const int rope_dim = in.integer("qk_rope_head_dim", usual.rope_dim);
  const int plain_dim = in.integer("qk_nope_head_dim", usual.plain_dim);
  in.each_layer([&](int, LayerDescription& layer) {
    AttentionDescription& a = layer.attention;
    a.kv_heads = 1;
    a.rope_dim = rope_dim;
    a.head_dim = plain_dim + rope_dim;
    a.value_dim = in.integer("v_head_dim", usual.value_dim);
    a.latent = in.integer("kv_lora_rank", usual.latent);
    a.query_latent = query_latent;
    a.scale = scale_of(a, model.rope.scaling);
  });
  model.rope.rotary_dim = rope_dim;
  in.biases("attention_bias", false, {Role::kLatent, Role::kAttentionOut});
  if (query_latent > 0) in.biases("attention_bias", false, {Role::kQueryDown});
}

void read_experts(HfReader& in, const Usual& usual, bool renormalize) {
  const int dense = in.integer("first_k_dense_replace", usual.dense_layers);
  const int frequency = in.integer("moe_layer_freq", 1);
  if (frequency < 1) in.config().at("moe_layer_freq").refuse("must be 1 or more");
  in.experts(in.sparse_layers([&](int i) { return i >= dense && i % frequency == 0; }), renormalize);
  RoutingDescription& r = in.model().routing;
  r.groups = in.config().contains("n_group") ? in.integer("n_group", 1) : usual.groups;
  r.groups_used = in.config().contains("topk_group") ? in.integer("topk_group", r.groups) : usual.groups_used;
  if (r.renormalize) r.floor = kLeastSum;
}

// As in transformers, norm_topk_prob says nothing here.
void read_v2(HfReader& in) {
  read_attention(in, {});
  in.model().rope.interleaved = true;
  in.biases("mlp_bias", false,
            {Role::kGate, Role::kUp, Role::kDown, Role::kSharedGate, Role::kSharedUp, Role::kSharedDown});
  read_experts(in, {}, false);
  RoutingDescription& r = in.model().routing;
  r.renormalize = false;
  r.floor = 0;
  const std::string method = in.config().find_string("topk_method").value_or("greedy");
  if (method == "greedy") {
    r.groups = r.groups_used = 1;
  } else if (method == "group_limited_greedy") {
    r.group_by_largest = true;
  } else {
    fail(ErrorCode::kUnsupported, "{} is {}; Ferrum runs 'greedy' and 'group_limited_greedy'",
         in.config().place("topk_method"), in_quotes(method));
  }
}

void read_by_sigmoid(HfReader& in, const Usual& usual) {
  read_attention(in, usual);
  in.model().rope.interleaved = in.boolean("rope_interleave", true);
  read_experts(in, usual, true);
  RoutingDescription& r = in.model().routing;
  r.score = Score::kSigmoid;
  r.selection_bias = true;
}

void read_v3(HfReader& in) { read_by_sigmoid(in, {.dense_layers = 3, .groups = 8, .groups_used = 4}); }

void read_glm(HfReader& in) {
  read_by_sigmoid(in, {.query_latent = 768, .plain_dim = 192, .value_dim = 256, .dense_layers = 1});
}

void read_mistral(HfReader& in) {
  constexpr double kUsualBeta = 0.1;
  const Usual usual = {.query_latent = 1024, .latent = 256, .plain_dim = 64};
  read_attention(in, usual);
  ModelDescription& model = in.model();
  model.rope.interleaved = in.boolean("rope_interleave", true);
  read_experts(in, usual, true);
  in.temperature(kUsualBeta);
}

void read_minicpm3(HfReader& in) {
  const int heads = in.model().layers.front().attention.q_heads;
  read_attention(in, {.query_latent = 768,
                      .latent = 256,
                      .plain_dim = 64,
                      .rope_dim = 32,
                      .value_dim = in.model().hidden / heads});
  in.biases("mlp_bias", false, {Role::kGate, Role::kUp, Role::kDown});
  read_minicpm_factors(in);
}

// Files from before keys and values were split say what heads are before they are expressed in terms of the
// latent vector.
void read_attention_gguf(GgufReader& in) {
  ModelDescription& model = in.model();
  const int latent = in.integer("attention.kv_lora_rank").value_or(0);
  if (latent == 0)
    fail(ErrorCode::kBadConfig, "{}: key '{}.attention.kv_lora_rank' is missing", in.metadata().source(),
         model.architecture->gguf_name());
  const auto key_length = in.integer("attention.key_length_mla");
  const auto value_length = in.integer("attention.value_length_mla");
  RopeScaling& scaling = model.rope.scaling;
  if (scaling.mscale_all_dim) {  // both are the same in DeepSeek's models; GGUF has one number for them
    scaling.mscale_all_dim = *scaling.mscale_all_dim / kMultiplierUnit;
    scaling.mscale = scaling.mscale_all_dim;
  }
  in.each_layer([&](int i, LayerDescription& layer) {
    AttentionDescription& a = layer.attention;
    a.kv_heads = 1;
    a.head_dim = key_length.value_or(a.head_dim);
    a.value_dim = value_length.value_or(a.value_dim);
    a.rope_dim = model.rope.rotary_dim;
    a.latent = latent;
    a.query_latent = in.has_tensor({Role::kQuery, i}) ? 0 : in.integer("attention.q_lora_rank").value_or(0);
    a.scale = scale_of(a, scaling);
  });
  const float beta = in.number("attention.temperature_scale").value_or(0);
  if (beta == 0) return;
  model.temperature_beta = beta;
  model.temperature_length = in.integer("attention.temperature_length").value_or(scaling.original_context);
}

void read_deepseek_gguf(GgufReader& in) {
  read_attention_gguf(in);
  in.experts(false);
  RoutingDescription& r = in.model().routing;
  // Files from before there was a key for it.
  if (r.selection_bias && !in.integer("expert_gating_func")) r.score = Score::kSigmoid;
  if (r.renormalize) r.floor = kLeastSum;
  r.group_by_largest = r.score == Score::kSoftmax && r.groups > 1;
}

void read_mistral_gguf(GgufReader& in) {
  read_attention_gguf(in);
  in.experts(true);
  if (in.model().routing.renormalize) in.model().routing.floor = kLeastSum;
}

constexpr HfName kV2Names[] = {{"deepseek_v2", "DeepseekV2ForCausalLM"}};
constexpr HfName kV3Names[] = {{"deepseek_v3", "DeepseekV3ForCausalLM"},
                               {"kimi_k2", "DeepseekV3ForCausalLM"},
                               {"kimi_k25", "KimiK25ForConditionalGeneration"}};
constexpr HfName kGlmNames[] = {{"glm4_moe_lite", "Glm4MoeLiteForCausalLM"}};
constexpr HfName kMistralNames[] = {{"mistral4", "Mistral4ForCausalLM"}};
constexpr HfName kMiniCpm3Names[] = {{"minicpm3", "MiniCPM3ForCausalLM"}};
constexpr std::string_view kIgnored[] = {".nextn.", ".eh_proj", ".enorm", ".hnorm", ".shared_head"};

}  // namespace deepseek

extern const Architecture kDeepseek2 = {
    .name = "deepseek2",
    .hf = deepseek::kV2Names,
    .hf_defaults = {.head_dim = 64, .experts = 64, .expert_width = 1407, .shared_experts = 2},
    .gguf_interleaved = true,
    .hf_interleaved = true,
    .read_hf = deepseek::read_v2,
    .read_gguf = deepseek::read_deepseek_gguf,
    .ignored = deepseek::kIgnored};
extern const Architecture kDeepseek3 = {.name = "deepseek3",
                                        .hf = deepseek::kV3Names,
                                        .gguf = "deepseek2",
                                        .hf_defaults = {.head_dim = 64,
                                                        .context = 4096,
                                                        .experts = 256,
                                                        .top_k = 8,
                                                        .expert_width = 2048,
                                                        .shared_experts = 1,
                                                        .expert_scale = 2.5},
                                        .gguf_interleaved = true,
                                        .hf_interleaved = true,
                                        .has_mtp = true,
                                        .read_hf = deepseek::read_v3,
                                        .ignored = deepseek::kIgnored};
extern const Architecture kGlm4MoeLite = {.name = "glm4moelite",
                                          .hf = deepseek::kGlmNames,
                                          .gguf = "deepseek2",
                                          .hf_defaults = {.head_dim = 64,
                                                          .context = 202752,
                                                          .eps = 1e-5,
                                                          .experts = 64,
                                                          .top_k = 4,
                                                          .expert_width = 1536,
                                                          .shared_experts = 1,
                                                          .expert_scale = 1.8},
                                          .gguf_interleaved = true,
                                          .hf_interleaved = true,
                                          .has_mtp = true,
                                          .read_hf = deepseek::read_glm,
                                          .ignored = deepseek::kIgnored};
extern const Architecture kMistral4 = {
    .name = "mistral4",
    .hf = deepseek::kMistralNames,
    .hf_defaults = {.head_dim = 128,
                    .context = 1048576,
                    .experts = 128,
                    .top_k = 4,
                    .expert_width = 2048,
                    .shared_experts = 1,
                    .rope = R"({"rope_type": "yarn", "rope_theta": 10000, "factor": 128,
                               "original_max_position_embeddings": 8192, "beta_fast": 32, "beta_slow": 1,
                               "mscale": 1, "mscale_all_dim": 1})"},
    .gguf_interleaved = true,
    .hf_interleaved = true,
    .read_hf = deepseek::read_mistral,
    .read_gguf = deepseek::read_mistral_gguf};
extern const Architecture kMiniCpm3 = {
    .name = "minicpm3",
    .hf = deepseek::kMiniCpm3Names,
    .gguf = "-",
    .hf_defaults = {.head_dim = 32, .context = 32768, .eps = 1e-5, .tied_head = true},
    .read_hf = deepseek::read_minicpm3};

}  // namespace ferrum
