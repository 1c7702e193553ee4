// The delta rule whose channels decay by rates of their own.
#include "backend/cpu/channel_kernels.h"
#include "backend/cpu/kernels/delta_columns.h"

namespace ferrum::cpu::FERRUM_ISA {
namespace {

void channel_rates(float* alpha, float decay, const float* step_bias, int n) {
  for (int i = 0; i < n; i += kLanes) {
    const int count = n - i < kLanes ? n - i : kLanes;
    const F32 step = softplus(load_some(alpha + i, count) + load_some(step_bias + i, count));
    store_some(alpha + i, exp(broadcast(decay) * step), count);
  }
}

void channel_delta_rule(const DeltaTask& task) { delta_of_columns<true>(task); }

}  // namespace

extern const ChannelKernels kChannelTable;
const ChannelKernels kChannelTable = {.rates = channel_rates, .delta_rule = channel_delta_rule};

}  // namespace ferrum::cpu::FERRUM_ISA
