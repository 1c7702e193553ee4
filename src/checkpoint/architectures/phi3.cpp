// Phi 3, 3.5 and 4: q, k and v in one tensor, gate and up in one; partial rotation, LongRoPE.
#include "checkpoint/gguf/gguf_reader.h"
#include "checkpoint/safetensors/hf_reader.h"

namespace ferrum {
namespace phi3 {

bool every(int) { return true; }

void read_hf(HfReader& in) { in.windows(0, every); }
void read_gguf(GgufReader& in) { in.windows(every); }

constexpr HfName kNames[] = {{"phi3", "Phi3ForCausalLM"}};
constexpr TensorNames kTensors[] = {
    {TensorRole::kGateUp, ExpertCount::kNone, "", "blk.#.ffn_up"},
};

}  // namespace phi3

extern const Architecture kPhi3 = {.name = "phi3",
                                   .hf = phi3::kNames,
                                   .hf_defaults = {.context = 4096, .eps = 1e-5, .original_context = 4096},
                                   .names = phi3::kTensors,
                                   .read_hf = phi3::read_hf,
                                   .read_gguf = phi3::read_gguf};

}  // namespace ferrum
