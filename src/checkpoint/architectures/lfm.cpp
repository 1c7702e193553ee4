// LFM2, LFM2.5 and LFM3 (Liquid): most layers are a short convolution between two gates, the others attend
// with norms of heads. LFM2 with experts chooses them by the logistic function and a bias behind leading
// dense layers. LFM3 has sandwich norms, windows in some layers, a gate for each head, and rotates a share of
// a head's pairs in the layers that see everything.
#include <algorithm>

#include "base/error.h"
#include "checkpoint/gguf/gguf_reader.h"
#include "checkpoint/safetensors/hf_reader.h"
#include "checkpoint/safetensors/hf_rope.h"

namespace ferrum {
namespace lfm {

using Role = TensorRole;
using Score = RoutingDescription::Score;

constexpr float kLeastSum = 1e-6f;  // of the weights of experts

void set_layer(LayerDescription& layer, bool attends) {
  if (attends) {
    layer.attention.norm = HeadNorm::kHead;
    return;
  }
  layer.mixer = Mixer::kConvolution;
  layer.stop_attending();
}

void read_convolution(HfReader& in, int kernel) {
  ModelDescription& model = in.model();
  model.activation = ActivationFunction::kSilu;
  model.convolution = {.width = model.hidden, .kernel = in.integer("conv_L_cache", kernel)};
  in.biases("conv_bias", false, {Role::kMixerIn, Role::kConvolution, Role::kMixerOut});
  model.tied_head = in.boolean("tie_embedding", model.tied_head);
}

// Which layers attend: layer_types, else the indices of full_attn_idxs, else all.
std::vector<bool> attending(const HfReader& in) {
  std::vector<bool> attends = in.kinds("layer_types", "conv", "full_attention");
  if (!attends.empty()) return attends;
  const auto indices = in.config().find_integers("full_attn_idxs");
  attends.assign(static_cast<size_t>(in.depth()), !indices);
  if (!indices) return attends;
  for (const int index : *indices) {
    if (index < 0 || index >= in.depth())
      fail(ErrorCode::kBadConfig, "{} has {}, but there are {} layers", in.config().place("full_attn_idxs"),
           index, in.depth());
    attends[static_cast<size_t>(index)] = true;
  }
  return attends;
}

// Two thirds of the width that is said, times a factor, in whole multiples: what SwiGLU takes of the
// parameters of a layer without a gate.
int adjusted_width(const HfReader& in, int width) {
  if (!in.boolean("block_auto_adjust_ff_dim", true)) return width;
  width = static_cast<int>(int64_t{2} * width / 3);
  const bool is_off =
      in.config().contains("block_ffn_dim_multiplier") && !in.config().find("block_ffn_dim_multiplier");
  if (is_off) return width;
  const double scaled = in.first_number({"block_ffn_dim_multiplier"}).value_or(1) * width;
  const int multiple = in.integer("block_multiple_of", 256);
  constexpr int kMost = 1 << 24;  // validate() is stricter; this keeps the sum in an int
  if (!(scaled >= 0) || scaled > kMost)
    in.config().at("block_ffn_dim_multiplier").refuse("makes layers too wide");
  if (multiple < 1 || multiple > kMost) in.config().at("block_multiple_of").refuse("is out of range");
  return (static_cast<int>(scaled) + multiple - 1) / multiple * multiple;
}

void read_lfm2(HfReader& in) {
  read_convolution(in, 3);
  const std::vector<bool> attends = attending(in);
  const auto said = in.first_integer({"block_ff_dim"});
  in.each_layer([&](int i, LayerDescription& layer) {
    set_layer(layer, attends[static_cast<size_t>(i)]);
    layer.feed_forward.width = adjusted_width(in, said.value_or(layer.feed_forward.width));
  });
}

void read_lfm2_moe(HfReader& in) {
  read_convolution(in, 3);
  const std::vector<bool> attends = attending(in);
  in.each_layer([&](int i, LayerDescription& layer) { set_layer(layer, attends[static_cast<size_t>(i)]); });
  const int dense = in.integer("num_dense_layers", 2);
  in.experts(in.sparse_layers([dense](int i) { return i >= dense; }), true);
  RoutingDescription& routing = in.model().routing;
  routing.score = Score::kSigmoid;
  routing.floor = routing.renormalize ? kLeastSum : 0;
  routing.selection_bias = in.boolean("use_expert_bias", true);
}

// The kinds of LFM3's layers: "conv", "sliding_attention", "full_attention".
std::vector<std::string> kinds(const HfReader& in) {
  const auto said = in.config().find_strings("layer_types");
  std::vector<std::string> kinds;
  for (int i = 0; i < in.depth() && !said; ++i)
    kinds.emplace_back(i % 4 == 2 ? "full_attention" : i % 4 == 0 && i > 0 ? "sliding_attention" : "conv");
  if (said) kinds = *said;
  in.require_each_layer("layer_types", kinds.size());
  for (const std::string& kind : kinds)
    if (kind != "conv" && kind != "sliding_attention" && kind != "full_attention")
      fail(ErrorCode::kUnsupported, "{} has {}; Ferrum runs 'conv', 'sliding_attention' and 'full_attention'",
           in.config().place("layer_types"), in_quotes(kind));
  return kinds;
}

// A share of the pairs where the kind of rotation is "proportional"; else whole heads.
void read_rotation(HfReader& in, std::string_view kind, RopeDescription& rope) {
  const int head_dim = in.model().first_attention().head_dim;
  const auto fields = in.rope_fields();
  const auto own = fields ? fields->find(kind) : std::nullopt;
  if (!own) return;
  if (own->find_string("rope_type") == "proportional")
    rotate_share(rope, head_dim, own->find_number("partial_rotary_factor").value_or(1),
                 own->find_number("factor").value_or(1));
  else
    rope.rotary_dim = head_dim;
}

void read_lfm3(HfReader& in) {
  read_convolution(in, 7);
  ModelDescription& model = in.model();
  model.wiring.norm_after = in.boolean("use_sandwich_norm", true);
  in.biases("attention_bias", false, {Role::kQuery, Role::kKey, Role::kValue, Role::kAttentionOut});
  const std::vector<std::string> kind = kinds(in);
  const bool gated = in.boolean("use_attention_gate", true);
  const bool said = in.config().contains("sliding_window");
  const int window = said ? in.config().find_integer("sliding_window").value_or(0) : 256;
  in.each_layer([&](int i, LayerDescription& layer) {
    const std::string& word = kind[static_cast<size_t>(i)];
    AttentionDescription& a = layer.attention;
    set_layer(layer, word != "conv");
    if (word == "conv") return;
    if (gated) a.gate = OutputGate::kSigmoid;
    a.gate_per_head = gated;
    if (word != "sliding_attention") return;
    a.window = window;
    a.rope = LayerRope::kWindow;
  });
  if (!in.rope_fields()) rotate_share(model.rope, model.first_attention().head_dim, 0.5);
  read_rotation(in, "full_attention", model.rope);
  read_rotation(in, "sliding_attention", model.window_rope);
}

void read_convolution_gguf(GgufReader& in) {
  ModelDescription& model = in.model();
  model.convolution = {.width = model.hidden, .kernel = in.integer("shortconv.l_cache").value_or(0)};
  in.each_layer([](int, LayerDescription& layer) { set_layer(layer, layer.attention.kv_heads > 0); });
}

void read_moe_gguf(GgufReader& in) {
  read_convolution_gguf(in);
  in.experts(true, Score::kSigmoid);
  if (in.model().routing.renormalize) in.model().routing.floor = kLeastSum;
}

constexpr HfName kDenseNames[] = {{"lfm2", "Lfm2ForCausalLM"}, {"lfm2_vl", "Lfm2VlForConditionalGeneration"}};
constexpr HfName kMoeNames[] = {{"lfm2_moe", "Lfm2MoeForCausalLM"}};
constexpr HfName kThirdNames[] = {{"lfm3", "Lfm3ForCausalLM"}};
constexpr TensorNames kTensors[] = {
    {Role::kFinalNorm, ExpertCount::kNone, "embedding_norm", "token_embd_norm"},
    {Role::kFinalNorm, ExpertCount::kNone, "", "output_norm"},
    {Role::kAttentionNorm, ExpertCount::kNone, "layers.#.operator_norm", ""},
    {Role::kFfnNorm, ExpertCount::kNone, "layers.#.ffn_norm", ""},
    {Role::kAfterAttentionNorm, ExpertCount::kNone, "layers.#.post_operator_norm", ""},
    {Role::kAfterFfnNorm, ExpertCount::kNone, "layers.#.post_ffn_norm", ""},
    {Role::kMixerIn, ExpertCount::kNone, "layers.#.conv.in_proj", "blk.#.shortconv.in_proj"},
    {Role::kConvolution, ExpertCount::kNone, "layers.#.conv.conv", "blk.#.shortconv.conv"},
    {Role::kMixerOut, ExpertCount::kNone, "layers.#.conv.out_proj", "blk.#.shortconv.out_proj"},
    {Role::kAttentionOut, ExpertCount::kNone, "layers.#.self_attn.out_proj", ""},
    {Role::kAttentionOut, ExpertCount::kNone, "layers.#.self_attn.o_proj", ""},
    {Role::kQueryNorm, ExpertCount::kNone, "layers.#.self_attn.q_layernorm", ""},
    {Role::kQueryNorm, ExpertCount::kNone, "layers.#.self_attn.q_norm", ""},
    {Role::kKeyNorm, ExpertCount::kNone, "layers.#.self_attn.k_layernorm", ""},
    {Role::kKeyNorm, ExpertCount::kNone, "layers.#.self_attn.k_norm", ""},
    {Role::kOutputGate, ExpertCount::kNone, "layers.#.self_attn.g_proj", ""},
    {Role::kOutputGate, ExpertCount::kNone, "layers.#.self_attn.gate_proj", ""},
    {Role::kGate, ExpertCount::kNone, "layers.#.feed_forward.w1", ""},
    {Role::kUp, ExpertCount::kNone, "layers.#.feed_forward.w3", ""},
    {Role::kDown, ExpertCount::kNone, "layers.#.feed_forward.w2", ""},
    {Role::kRouter, ExpertCount::kNone, "layers.#.feed_forward.gate", ""},
    {Role::kSelectionBias, ExpertCount::kNone, "layers.#.feed_forward.expert_bias!", ""},
    {Role::kExpertGate, ExpertCount::kOne, "layers.#.feed_forward.experts.#.w1", ""},
    {Role::kExpertUp, ExpertCount::kOne, "layers.#.feed_forward.experts.#.w3", ""},
    {Role::kExpertDown, ExpertCount::kOne, "layers.#.feed_forward.experts.#.w2", ""},
    {Role::kExpertGateUp, ExpertCount::kAll, "layers.#.feed_forward.experts.gate_up_proj*", ""},
    {Role::kExpertDown, ExpertCount::kAll, "layers.#.feed_forward.experts.down_proj*", ""},
};
constexpr HfDefaults kDefaults = {.context = 128000, .eps = 1e-5, .theta = 1e6, .tied_head = true};

}  // namespace lfm

extern const Architecture kLfm2 = {.name = "lfm2",
                                   .hf = lfm::kDenseNames,
                                   .hf_defaults =
                                       [] {
                                         HfDefaults d = lfm::kDefaults;
                                         d.kv_heads = 8;
                                         return d;
                                       }(),
                                   .names = lfm::kTensors,
                                   .read_hf = lfm::read_lfm2,
                                   .read_gguf = lfm::read_convolution_gguf};
extern const Architecture kLfm2Moe = {.name = "lfm2moe",
                                      .hf = lfm::kMoeNames,
                                      .hf_defaults =
                                          [] {
                                            HfDefaults d = lfm::kDefaults;
                                            d.kv_heads = 8;
                                            d.experts = 32;
                                            d.top_k = 4;
                                            d.expert_width = 1792;
                                            return d;
                                          }(),
                                      .names = lfm::kTensors,
                                      .read_hf = lfm::read_lfm2_moe,
                                      .read_gguf = lfm::read_moe_gguf};
extern const Architecture kLfm3 = {
    .name = "lfm3",
    .hf = lfm::kThirdNames,
    .hf_defaults =
        [] {
          HfDefaults d = lfm::kDefaults;
          d.head_dim = 128;
          d.kv_heads = 4;
          d.rope = R"({"full_attention": {"rope_theta": 1e6, "rope_type": "proportional",
                                      "partial_rotary_factor": 0.5},
                   "sliding_attention": {"rope_theta": 1e4, "rope_type": "default"}})";
          return d;
        }(),
    .names = lfm::kTensors,
    .read_hf = lfm::read_lfm3};

}  // namespace ferrum
