// Qwen3-Next and Qwen 3.5 to 3.8: three layers in four follow the gated delta rule, the others attend with an
// output gate; a quarter of each head is rotated.
#include "base/error.h"
#include "checkpoint/gguf/gguf_reader.h"
#include "checkpoint/row_views.h"
#include "checkpoint/safetensors/hf_reader.h"

namespace ferrum {
namespace qwen_hybrid {

using Role = TensorRole;

constexpr int kInterval = 4;       // of layers that attend
constexpr double kRotated = 0.25;  // of each head

void set_layer(LayerDescription& layer, bool attends) {
  AttentionDescription& a = layer.attention;
  if (attends) {
    a.norm = HeadNorm::kHead;
    a.gate = OutputGate::kSigmoid;
    a.gate_in_query = true;
    return;
  }
  layer.mixer = Mixer::kDelta;
  layer.stop_attending();
}

// Of time, height, width, and none of a fourth kind, as GGUF's readers demand.
void read_sections(HfReader& in) {
  const auto fields = in.rope_fields();
  RopeDescription& rope = in.model().rope;
  rope.sections =
      (fields ? fields->find_integers("mrope_section") : std::nullopt).value_or(std::vector{11, 11, 10});
  rope.sections.resize(4);
}

void read_hybrid(HfReader& in) {
  ModelDescription& model = in.model();
  in.require_activation(ActivationFunction::kSilu);
  model.wiring.norm_plus_one = true;
  model.delta = {.key_heads = in.integer("linear_num_key_heads", 16),
                 .value_heads = in.integer("linear_num_value_heads", 32),
                 .key_dim = in.integer("linear_key_head_dim", 128),
                 .value_dim = in.integer("linear_value_head_dim", 128),
                 .kernel = in.integer("linear_conv_kernel_dim", 4),
                 .decay_is_log = true};
  if (!in.boolean("attn_output_gate", true))
    fail(ErrorCode::kUnsupported, "{} is false: Ferrum runs this architecture with an output gate",
         in.config().place("attn_output_gate"));
  const int interval = in.integer("full_attention_interval", kInterval);
  std::vector<bool> attends = in.kinds("layer_types", "linear_attention", "full_attention");
  if (attends.empty())
    for (int i = 0; i < in.depth(); ++i) attends.push_back(interval > 0 && (i + 1) % interval == 0);
  in.biases("attention_bias", false, {Role::kQueryAndGate, Role::kKey, Role::kValue, Role::kAttentionOut});
  in.each_layer([&](int i, LayerDescription& layer) { set_layer(layer, attends[static_cast<size_t>(i)]); });
}

void read_experts(HfReader& in, const std::vector<bool>& layers) {
  in.experts(layers, true);
  in.each_layer([&](int, LayerDescription& layer) {
    FeedForwardDescription& f = layer.feed_forward;
    if (f.experts == 0) return;
    if (f.shared_width == 0) f.shared_width = 512;
    f.shared_gate = true;
  });
}

void read_next(HfReader& in) {
  read_hybrid(in);
  in.model().delta.joint_rates = true;
  read_experts(in, in.sparse_layers_by_step());
}

void read_dense(HfReader& in) {
  read_hybrid(in);
  read_sections(in);
}

void read_moe(HfReader& in) {
  read_dense(in);
  read_experts(in, std::vector<bool>(static_cast<size_t>(in.depth()), true));
}

void read_hybrid_gguf(GgufReader& in) {
  ModelDescription& model = in.model();
  const auto number = [&](const char* key) { return in.integer(key).value_or(0); };
  const int value_heads = number("ssm.time_step_rank");
  model.delta = {.key_heads = number("ssm.group_count"),
                 .value_heads = value_heads,
                 .key_dim = number("ssm.state_size"),
                 .value_dim = value_heads > 0 ? number("ssm.inner_size") / value_heads : 0,
                 .kernel = number("ssm.conv_kernel"),
                 .tiled = true};
  const int interval = in.integer("full_attention_interval").value_or(kInterval);
  const auto recurrent = in.flags("attention.recurrent_layers");
  in.each_layer([&](int i, LayerDescription& layer) {
    const bool attends =
        recurrent ? !(*recurrent)[static_cast<size_t>(i)] : interval > 0 && (i + 1) % interval == 0;
    set_layer(layer, attends);
  });
  in.experts(true);
}

void read_next_gguf(GgufReader& in) {
  read_hybrid_gguf(in);
  in.model().delta.tiled = false;
  in.model().delta.joint_rates = true;
}

// Qwen3-Next's folders have one projection for both: for each key head its q, its k, the v of its value heads
// and their z.
void adapt_next(std::vector<HostTensor>& tensors, const ModelDescription& model) {
  constexpr std::string_view kJoint = ".linear_attn.in_proj_qkvz.weight";
  const DeltaDescription& d = model.delta;
  const int64_t values = d.value_width() / d.key_heads;  // of a key head
  const int64_t group = 2 * d.key_dim + 2 * values;
  std::vector<HostTensor> adapted;
  for (HostTensor& tensor : tensors) {
    if (!tensor.name.ends_with(kJoint) || tensor.shape.size() != 2 || tensor.rows() != group * d.key_heads) {
      adapted.push_back(std::move(tensor));
      continue;
    }
    std::vector<int64_t> mixed, gates;
    const auto take = [&](std::vector<int64_t>& to, int64_t first, int64_t count) {
      for (int64_t head = 0; head < d.key_heads; ++head)
        for (int64_t row = 0; row < count; ++row) to.push_back(head * group + first + row);
    };
    take(mixed, 0, d.key_dim);
    take(mixed, d.key_dim, d.key_dim);
    take(mixed, 2 * int64_t{d.key_dim}, values);
    take(gates, 2 * int64_t{d.key_dim} + values, values);
    const std::string stem =
        tensor.name.substr(0, tensor.name.size() - std::string_view("qkvz.weight").size());
    adapted.push_back(selected_rows(tensor, std::move(mixed)));
    adapted.back().name = stem + "qkv.weight";
    adapted.push_back(selected_rows(tensor, std::move(gates)));
    adapted.back().name = stem + "z.weight";
  }
  tensors = std::move(adapted);
}

constexpr HfName kNextNames[] = {{"qwen3_next", "Qwen3NextForCausalLM"}};
constexpr HfName kDenseNames[] = {{"qwen3_5_text", "Qwen3_5ForCausalLM"},
                                  {"qwen3_5", "Qwen3_5ForConditionalGeneration"}};
constexpr HfName kMoeNames[] = {{"qwen3_5_moe_text", "Qwen3_5MoeForCausalLM"},
                                {"qwen3_5_moe", "Qwen3_5MoeForConditionalGeneration"}};
constexpr TensorNames kTensors[] = {
    {Role::kQueryAndGate, ExpertCount::kNone, "layers.#.self_attn.q_proj", "blk.#.attn_q"},
    {Role::kMixerIn, ExpertCount::kNone, "layers.#.linear_attn.in_proj_qkv", "blk.#.attn_qkv"},
    {Role::kMixerGate, ExpertCount::kNone, "layers.#.linear_attn.in_proj_z", "blk.#.attn_gate"},
    {Role::kBeta, ExpertCount::kNone, "layers.#.linear_attn.in_proj_b", "blk.#.ssm_beta"},
    {Role::kAlpha, ExpertCount::kNone, "layers.#.linear_attn.in_proj_a", "blk.#.ssm_alpha"},
    {Role::kRates, ExpertCount::kNone, "layers.#.linear_attn.in_proj_ba", "blk.#.ssm_ba"},
    {Role::kConvolution, ExpertCount::kNone, "layers.#.linear_attn.conv1d", "blk.#.ssm_conv1d"},
    {Role::kDecay, ExpertCount::kNone, "layers.#.linear_attn.A_log!", "blk.#.ssm_a!"},
    {Role::kStepBias, ExpertCount::kNone, "layers.#.linear_attn.dt_bias!", "blk.#.ssm_dt.bias!"},
    {Role::kMixerNorm, ExpertCount::kNone, "layers.#.linear_attn.norm", "blk.#.ssm_norm"},
    {Role::kMixerOut, ExpertCount::kNone, "layers.#.linear_attn.out_proj", "blk.#.ssm_out"},
    {Role::kFfnNorm, ExpertCount::kNone, "", "blk.#.post_attention_norm"},
};
constexpr std::string_view kIgnored[] = {"mtp.", ".nextn."};

}  // namespace qwen_hybrid

extern const Architecture kQwen3Next = {.name = "qwen3next",
                                        .hf = qwen_hybrid::kNextNames,
                                        .hf_defaults = {.head_dim = 256,
                                                        .context = 32768,
                                                        .rotary_share = qwen_hybrid::kRotated,
                                                        .kv_heads = 2,
                                                        .experts = 512,
                                                        .top_k = 10,
                                                        .expert_width = 512},
                                        .names = qwen_hybrid::kTensors,
                                        .read_hf = qwen_hybrid::read_next,
                                        .read_gguf = qwen_hybrid::read_next_gguf,
                                        .adapt_hf = qwen_hybrid::adapt_next,
                                        .ignored = qwen_hybrid::kIgnored};
extern const Architecture kQwen35 = {
    .name = "qwen35",
    .hf = qwen_hybrid::kDenseNames,
    .hf_defaults = {.head_dim = 256, .context = 32768, .rotary_share = qwen_hybrid::kRotated, .kv_heads = 4},
    .names = qwen_hybrid::kTensors,
    .gguf_tiled = true,
    .has_mtp = true,
    .read_hf = qwen_hybrid::read_dense,
    .read_gguf = qwen_hybrid::read_hybrid_gguf,
    .ignored = qwen_hybrid::kIgnored};
extern const Architecture kQwen35Moe = {.name = "qwen35moe",
                                        .hf = qwen_hybrid::kMoeNames,
                                        .hf_defaults = {.head_dim = 256,
                                                        .context = 32768,
                                                        .rotary_share = qwen_hybrid::kRotated,
                                                        .kv_heads = 2,
                                                        .experts = 256,
                                                        .top_k = 8,
                                                        .expert_width = 512},
                                        .names = qwen_hybrid::kTensors,
                                        .gguf_tiled = true,
                                        .has_mtp = true,
                                        .read_hf = qwen_hybrid::read_moe,
                                        .read_gguf = qwen_hybrid::read_hybrid_gguf,
                                        .ignored = qwen_hybrid::kIgnored};

}  // namespace ferrum
