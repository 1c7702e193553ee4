// MiniMax-M2: q and k normalised over their full width, half of each head rotated, experts on all layers
// chosen by the logistic function.
#include "checkpoint/gguf/gguf_reader.h"
#include "checkpoint/safetensors/hf_reader.h"

namespace ferrum {
namespace minimax_m2 {

using Score = RoutingDescription::Score;

void read_hf(HfReader& in) {
  in.head_norms(HeadNorm::kWidth);
  in.experts(std::vector<bool>(static_cast<size_t>(in.depth()), true), true);
  in.model().routing.score = Score::kSigmoid;
  in.model().routing.selection_bias = in.boolean("use_routing_bias", true);
}

void read_gguf(GgufReader& in) {
  in.head_norms(HeadNorm::kWidth);
  in.experts(true, Score::kSigmoid);
}

constexpr HfName kNames[] = {{"minimax_m2", "MiniMaxM2ForCausalLM"}};

}  // namespace minimax_m2

extern const Architecture kMiniMaxM2 = {
    .name = "minimax-m2",
    .hf = minimax_m2::kNames,
    .hf_defaults =
        {.head_dim = 128, .context = 196608, .theta = 5e6, .kv_heads = 8, .experts = 256, .top_k = 8},
    .read_hf = minimax_m2::read_hf,
    .read_gguf = minimax_m2::read_gguf};

}  // namespace ferrum
