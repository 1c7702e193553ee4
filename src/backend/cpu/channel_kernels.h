// Kernels of the delta rule whose channels decay by rates of their own, compiled and chosen as those of
// kernels.h are.
#pragma once
#include "backend/cpu/kernels.h"

namespace ferrum::cpu {

struct ChannelKernels {
  // alpha = e^(decay · softplus(alpha + step_bias)), of the channels of one head
  void (*rates)(float* alpha, float decay, const float* step_bias, int n);
  // kept_offset is that of the shares that channels of a key keep, [key_dim].
  void (*delta_rule)(const DeltaTask& task);
};

// Requires that missing_for(isa) is empty.
const ChannelKernels& channel_kernels_for(Isa isa);

}  // namespace ferrum::cpu
