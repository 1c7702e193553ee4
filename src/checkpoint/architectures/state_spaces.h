// What the families with Mamba-2 layers spell alike.
#pragma once
#include <algorithm>
#include <array>
#include <initializer_list>
#include <string_view>
#include <vector>

#include "checkpoint/gguf/gguf_reader.h"
#include "checkpoint/safetensors/hf_reader.h"

namespace ferrum {

// Keys that begin with "mamba_": sizes, biases, the limits of a step. Where mamba_d_head says "auto", `width`
// (the size of all heads together) is divided by the number of heads. Error kBadConfig where the sizes
// contradict each other.
StateSpaceDescription read_mamba(HfReader& in, int width);
// Keys that begin with "ssm.".
StateSpaceDescription read_ssm(const GgufReader& in);

// Least and most length of a step; the most may be infinite.
struct StepLimits {
  float least, most;
};
StepLimits step_limits(const HfReader& in, std::string_view key, StepLimits usual);

// The words of a list of kinds, in both spellings: "mamba" or "linear_attention", "attention" or
// "full_attention". True: the layer attends. Empty: none of the keys is there.
std::vector<bool> attending_layers(const HfReader& in, std::initializer_list<std::string_view> keys);

// The names of the state space's tensors where a layer calls it "mamba".
constexpr std::array kMambaNames = {
    TensorNames{TensorRole::kMixerIn, ExpertCount::kNone, "layers.#.mamba.in_proj", "blk.#.ssm_in"},
    TensorNames{TensorRole::kConvolution, ExpertCount::kNone, "layers.#.mamba.conv1d", "blk.#.ssm_conv1d"},
    TensorNames{TensorRole::kDecay, ExpertCount::kNone, "layers.#.mamba.A_log!", "blk.#.ssm_a!"},
    TensorNames{TensorRole::kStepBias, ExpertCount::kNone, "layers.#.mamba.dt_bias!", "blk.#.ssm_dt.bias!"},
    TensorNames{TensorRole::kSkip, ExpertCount::kNone, "layers.#.mamba.D!", "blk.#.ssm_d!"},
    TensorNames{TensorRole::kMixerNorm, ExpertCount::kNone, "layers.#.mamba.norm", "blk.#.ssm_norm"},
    TensorNames{TensorRole::kMixerOut, ExpertCount::kNone, "layers.#.mamba.out_proj", "blk.#.ssm_out"},
};

template <size_t kOwn>
constexpr auto with_mamba_names(const TensorNames (&own)[kOwn]) {
  std::array<TensorNames, kOwn + kMambaNames.size()> all = {};
  std::copy(std::begin(own), std::end(own), all.begin());
  std::copy(kMambaNames.begin(), kMambaNames.end(), all.begin() + kOwn);
  return all;
}

}  // namespace ferrum
