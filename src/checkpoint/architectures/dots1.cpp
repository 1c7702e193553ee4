// dots.llm1: Qwen 3's attention; experts as in DeepSeek V3, behind leading dense layers, and a shared expert.
#include <algorithm>

#include "checkpoint/gguf/gguf_reader.h"
#include "checkpoint/safetensors/hf_reader.h"

namespace ferrum {
namespace dots1 {

using Role = TensorRole;
using Score = RoutingDescription::Score;

constexpr float kLeastSum = 1e-20F;  // of the weights of a token's experts

void set_floor(RoutingDescription& r) {
  if (r.renormalize) r.floor = kLeastSum;
}

void read_hf(HfReader& in) {
  in.head_norms(HeadNorm::kHead);
  in.biases("attention_bias", false, {Role::kQuery, Role::kKey, Role::kValue, Role::kAttentionOut});
  const int first = std::max(in.integer("max_window_layers", 62), 0);
  in.windows(4096, [first](int layer) { return layer >= first; });
  const int dense = in.integer("first_k_dense_replace", 0);
  in.experts(in.sparse_layers([dense](int i) { return i >= dense; }), false);
  RoutingDescription& r = in.model().routing;
  r.score = Score::kSigmoid;
  r.selection_bias = true;
  r.groups_used = in.integer("topk_group", 1);
  set_floor(r);
}

void read_gguf(GgufReader& in) {
  in.head_norms(HeadNorm::kHead);
  in.experts(true, Score::kSigmoid);
  set_floor(in.model().routing);
}

constexpr HfName kNames[] = {{"dots1", "Dots1ForCausalLM"}};

}  // namespace dots1

extern const Architecture kDots1 = {.name = "dots1",
                                    .hf = dots1::kNames,
                                    .hf_defaults = {.kv_heads = 32, .expert_width = 1408},
                                    .read_hf = dots1::read_hf,
                                    .read_gguf = dots1::read_gguf};

}  // namespace ferrum
