// ERNIE 4.5, dense and with experts: neighbours are rotated, also in folders.
#include "checkpoint/gguf/gguf_reader.h"
#include "checkpoint/safetensors/hf_reader.h"

namespace ferrum {
namespace ernie {

using Role = TensorRole;

constexpr float kFloor = 1e-12F;  // of the sum of weights

void read_dense(HfReader& in) {
  in.model().rope.interleaved = true;
  in.biases(
      "use_bias", false,
      {Role::kQuery, Role::kKey, Role::kValue, Role::kAttentionOut, Role::kGate, Role::kUp, Role::kDown});
}

void read_moe(HfReader& in) {
  read_dense(in);
  const int first = in.integer("moe_layer_start_index", 1);
  const int end = in.integer("moe_layer_end_index", -1);
  const int last = end == -1 ? in.depth() - 1 : end;
  const int interval = in.integer("moe_layer_interval", 1);
  if (interval < 1) in.config().at("moe_layer_interval").refuse("must be 1 or more");
  in.experts(in.sparse_layers([=](int i) { return (i + 1) % interval == 0 && i >= first && i <= last; }),
             true);
  in.model().routing.floor = in.number("moe_norm_min", kFloor);
  in.model().routing.selection_bias = true;
}

void read_gguf(GgufReader& in) {
  in.experts(true);
  in.model().routing.floor = kFloor;
}

constexpr std::string_view kIgnored[] = {"mtp_block.", "mtp_emb_norm.", "mtp_hidden_norm.",
                                         "mtp_linear_proj."};
constexpr HfName kDenseNames[] = {{"ernie4_5", "Ernie4_5ForCausalLM"}};
constexpr HfName kMoeNames[] = {{"ernie4_5_moe", "Ernie4_5_MoeForCausalLM"}};
constexpr HfDefaults kDefaults = {
    .head_dim = 128, .context = 131072, .eps = 1e-5, .theta = 500000, .tied_head = true, .kv_heads = 2};

}  // namespace ernie

extern const Architecture kErnie45 = {.name = "ernie4_5",
                                      .hf = ernie::kDenseNames,
                                      .hf_defaults = ernie::kDefaults,
                                      .gguf_interleaved = true,
                                      .hf_interleaved = true,
                                      .read_hf = ernie::read_dense,
                                      .read_gguf = ernie::read_gguf,
                                      .ignored = ernie::kIgnored};
extern const Architecture kErnie45Moe = {.name = "ernie4_5-moe",
                                         .hf = ernie::kMoeNames,
                                         .hf_defaults = {.context = 131072,
                                                         .eps = 1e-5,
                                                         .theta = 500000,
                                                         .tied_head = true,
                                                         .kv_heads = 4,
                                                         .experts = 64,
                                                         .top_k = 6,
                                                         .expert_width = 1536,
                                                         .shared_experts = 2},
                                         .gguf_interleaved = true,
                                         .hf_interleaved = true,
                                         .read_hf = ernie::read_moe,
                                         .read_gguf = ernie::read_gguf,
                                         .ignored = ernie::kIgnored};

}  // namespace ferrum
