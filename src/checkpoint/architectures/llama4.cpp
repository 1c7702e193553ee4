// Llama 4 (text): three of four layers are rotated, have norms of heads without a weight and see chunks of
// the context; the others see everything and are not rotated, and q grows there with the position. A token's
// expert reads the hidden state times its weight, beside a shared one.
//
// Folders store experts transposed, gate and up in one: [experts, hidden, 2 × width].
#include <algorithm>

#include "base/error.h"
#include "checkpoint/gguf/gguf_reader.h"
#include "checkpoint/row_views.h"
#include "checkpoint/safetensors/hf_reader.h"

namespace ferrum {
namespace llama4 {

using Role = TensorRole;

constexpr int kPeriod = 4;
constexpr int kChunk = 8192;
constexpr int kTemperatureLength = 8192;
constexpr double kTemperatureBeta = 0.1;
constexpr int kExpertsWithoutNorms = 128;  // Maverick's

bool rotates_by_period(int layer) { return (layer + 1) % kPeriod != 0; }

void set_routing(RoutingDescription& r) {
  r.score = RoutingDescription::Score::kSigmoid;
  r.renormalize = false;
  r.weighs_input = true;
}

// Norms and temperature of a layer follow from its rotation.
void set_layer(AttentionDescription& a, bool rotates, bool has_norms) {
  a.rope = rotates ? LayerRope::kMain : LayerRope::kNone;
  a.tempered = !rotates;
  a.norm = rotates && has_norms ? HeadNorm::kWeightless : HeadNorm::kNone;
  a.norm_last = true;
}

void set_chunk(AttentionDescription& a, int chunk) {
  a.window = chunk;
  a.chunked = chunk > 0;
}

// Older configurations have a number in place of true or false.
bool has_temperature(const HfReader& in) {
  constexpr std::string_view kKey = "attn_temperature_tuning";
  const auto field = in.config().find(kKey);
  if (!field) return !in.config().contains(kKey);
  return field->value().is_number() ? field->number() != 0 : field->boolean();
}

std::vector<bool> read_rotations(const HfReader& in) {
  const auto said = in.config().find_integers("no_rope_layers");  // 1 where a layer rotates, 0 where not
  const bool has_list = said && !said->empty();
  if (has_list && static_cast<int>(said->size()) < in.depth())
    fail(ErrorCode::kBadConfig, "{} has {} entries, but num_hidden_layers is {}",
         in.config().place("no_rope_layers"), said->size(), in.depth());
  const int period = in.integer("no_rope_layer_interval", kPeriod);
  if (period < 1) in.config().at("no_rope_layer_interval").refuse("must be 1 or more");
  std::vector<bool> rotations;
  for (int i = 0; i < in.depth(); ++i)
    rotations.push_back(has_list ? (*said)[static_cast<size_t>(i)] != 0 : (i + 1) % period != 0);
  return rotations;
}

std::vector<bool> read_sparse_layers(const HfReader& in) {
  std::vector<bool> sparse(static_cast<size_t>(in.depth()));
  if (const auto layers = in.config().find_integers("moe_layers")) {
    for (const int layer : *layers)
      if (layer >= 0 && layer < in.depth()) sparse[static_cast<size_t>(layer)] = true;
    return sparse;
  }
  const int step = in.integer("interleave_moe_layer_step", 1);
  if (step < 1) in.config().at("interleave_moe_layer_step").refuse("must be 1 or more");
  for (size_t i = 0; i < sparse.size(); ++i) sparse[i] = (i + 1) % static_cast<size_t>(step) == 0;
  return sparse;
}

// Null: no layer has chunks.
int read_chunk(const HfReader& in) {
  constexpr std::string_view kKey = "attention_chunk_size";
  const auto field = in.config().find(kKey);
  if (!field) return in.config().contains(kKey) ? 0 : kChunk;
  const int chunk = field->integer();
  if (chunk < 1) field->refuse("must be 1 or more");
  return chunk;
}

void read_hf(HfReader& in) {
  ModelDescription& model = in.model();
  model.rope.interleaved = true;
  in.placeholders({{"image_token_index", 200092}}, 0);
  in.biases("attention_bias", false, {Role::kQuery, Role::kKey, Role::kValue, Role::kAttentionOut});
  const std::vector<bool> rotates = read_rotations(in);
  const bool has_norms = in.boolean("use_qk_norm", true);
  const int chunk = read_chunk(in);
  std::vector<bool> chunked = in.kinds("layer_types", "full_attention", "chunked_attention");
  if (chunk == 0 && std::ranges::find(chunked, true) != chunked.end())
    fail(ErrorCode::kBadConfig, "{} has 'chunked_attention', but attention_chunk_size is null",
         in.config().place("layer_types"));
  if (chunked.empty()) chunked = rotates;
  const int dense_width = in.integer("intermediate_size_mlp", 16384);
  in.each_layer([&](int i, LayerDescription& layer) {
    const auto at = static_cast<size_t>(i);
    set_layer(layer.attention, rotates[at], has_norms);
    set_chunk(layer.attention, chunked[at] ? chunk : 0);
    layer.feed_forward.width = dense_width;
  });
  if (has_temperature(in)) {
    model.temperature_beta = in.number("attn_scale", kTemperatureBeta);
    model.temperature_length = in.integer("floor_scale", kTemperatureLength);
    if (model.temperature_length < 1) in.config().at("floor_scale").refuse("must be 1 or more");
    model.temperature_offset = 1;
  }
  in.experts(read_sparse_layers(in), false);
  in.each_layer([](int, LayerDescription& layer) {
    if (layer.feed_forward.experts > 0) layer.feed_forward.shared_width = layer.feed_forward.width;
  });
  set_routing(model.routing);
}

// Files say little: readers know by the number of experts whether there are norms, and by the period which
// layers rotate. A window of 0 says that all of them do, and see everything.
void read_gguf(GgufReader& in) {
  ModelDescription& model = in.model();
  const auto said = in.integer("attention.sliding_window");
  const bool has_chunks = !said || *said > 0;
  const bool has_norms = in.integer("expert_count").value_or(0) != kExpertsWithoutNorms;
  in.windows(rotates_by_period);  // by the pattern, where there is one
  in.each_layer([&](int i, LayerDescription& layer) {
    AttentionDescription& a = layer.attention;
    const bool is_chunked = said ? a.window > 0 : rotates_by_period(i);
    set_layer(a, !has_chunks || rotates_by_period(i), has_norms);
    set_chunk(a, is_chunked ? said.value_or(kChunk) : 0);
  });
  if (has_chunks) {
    model.temperature_length = in.integer("attention.temperature_length").value_or(kTemperatureLength);
    if (model.temperature_length > 0) {
      model.temperature_beta = in.number("attention.temperature_scale").value_or(kTemperatureBeta);
      model.temperature_offset = 1;
    }
  }
  in.experts(false, RoutingDescription::Score::kSigmoid);
  set_routing(model.routing);
}

void adapt_hf(std::vector<HostTensor>& tensors, const ModelDescription&) {
  for (HostTensor& tensor : tensors) {
    const std::string& name = tensor.name;
    if (!name.ends_with(".experts.gate_up_proj") && !name.ends_with(".experts.down_proj")) continue;
    if (tensor.shape.size() != 3) continue;  // refused by its shape
    if (!is_float(tensor.format) || tensor.maker)
      fail(ErrorCode::kUnsupported,
           "tensor {}: Ferrum runs folders of Llama 4 whose fused experts are in F32, F16 or BF16",
           in_quotes(name));
    tensor = transposed(tensor);
  }
}

constexpr HfName kNames[] = {{"llama4_text", "Llama4ForCausalLM"},
                             {"llama4", "Llama4ForConditionalGeneration"}};
constexpr TensorNames kTensors[] = {
    {Role::kGate, ExpertCount::kNone, "layers.#.feed_forward.gate_proj", ""},
    {Role::kUp, ExpertCount::kNone, "layers.#.feed_forward.up_proj", ""},
    {Role::kDown, ExpertCount::kNone, "layers.#.feed_forward.down_proj", ""},
    {Role::kRouter, ExpertCount::kNone, "layers.#.feed_forward.router", ""},
    {Role::kExpertGateUp, ExpertCount::kAll, "layers.#.feed_forward.experts.gate_up_proj*", ""},
    {Role::kExpertDown, ExpertCount::kAll, "layers.#.feed_forward.experts.down_proj*", ""},
    {Role::kExpertGate, ExpertCount::kOne, "layers.#.feed_forward.experts.#.gate_proj", ""},
    {Role::kExpertUp, ExpertCount::kOne, "layers.#.feed_forward.experts.#.up_proj", ""},
    {Role::kExpertDown, ExpertCount::kOne, "layers.#.feed_forward.experts.#.down_proj", ""},
    {Role::kSharedGate, ExpertCount::kNone, "layers.#.feed_forward.shared_expert.gate_proj", ""},
    {Role::kSharedUp, ExpertCount::kNone, "layers.#.feed_forward.shared_expert.up_proj", ""},
    {Role::kSharedDown, ExpertCount::kNone, "layers.#.feed_forward.shared_expert.down_proj", ""},
};

}  // namespace llama4

extern const Architecture kLlama4 = {.name = "llama4",
                                     .hf = llama4::kNames,
                                     .hf_defaults = {.head_dim = 128,
                                                     .context = 131072,
                                                     .eps = 1e-5,
                                                     .theta = 500000,
                                                     .kv_heads = 8,
                                                     .experts = 16,
                                                     .top_k = 1},
                                     .names = llama4::kTensors,
                                     .gguf_interleaved = true,
                                     .hf_interleaved = true,
                                     .gguf_weightless_norms = true,
                                     .read_hf = llama4::read_hf,
                                     .read_gguf = llama4::read_gguf,
                                     .adapt_hf = llama4::adapt_hf};

}  // namespace ferrum
