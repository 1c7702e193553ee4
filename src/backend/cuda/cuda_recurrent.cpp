// Layers that keep a state of fixed size of each sequence.
#include "backend/cuda/cuda_backend.h"
#include "backend/cuda/kernels/recurrent.h"
#include "backend/cuda/tensors.h"
#include "base/error.h"

namespace ferrum {

using namespace cuda;

namespace {

constexpr int kMostRows = 256;  // of a head's memory

StateSteps steps_of(const Step& step) {
  return {integers_of(step.query_start), integers_of(step.state_slots), step.state_slots.stride};
}

}  // namespace

std::string CudaBackend::refusal_of(const LayerSizes& layer) const {
  if (layer.convolution > kMostKernel)
    return fmt::format("a convolution over {} inputs is wider than the {} that the CUDA backend takes",
                       layer.convolution, kMostKernel);
  if (layer.state_rows > kMostRows)
    return fmt::format("a state of {} rows is larger than the {} that the CUDA backend takes",
                       layer.state_rows, kMostRows);
  return layer.heads.q_heads == 0 ? std::string() : refusal_of_heads(layer.heads, layer.kv);
}

void CudaBackend::require(const LayerSizes& layer) const {
  if (const std::string why = refusal_of(layer); !why.empty()) fail(ErrorCode::kUnsupported, "{}", why);
}

void CudaBackend::convolve(Tensor x, StateLayer state, const Step& step, const Convolution& convolution) {
  const int kernel = convolution.weight.rows;
  check_equal(convolution.weight.cols, x.cols, "channels of the convolution");
  check_equal(state.inputs.cols, (kernel - 1) * x.cols, "inputs that a state keeps");
  require({.convolution = kernel});
  if (step.shape.sequences == 0) return;
  launch("convolve", {divided_up(x.cols, kColumnThreads), step.shape.sequences}, kColumnThreads,
         Convolve{rows_of(x), rows_of(state.inputs), steps_of(step), floats_of(convolution.weight),
                  convolution.weight.stride, floats_of(convolution.bias), x.cols, kernel,
                  convolution.silu ? 1 : 0});
}

void CudaBackend::delta_rule(Tensor out, Tensor x, StateLayer state, const Step& step,
                             const DeltaRule& rule) {
  check_equal(x.cols, rule.in_width(), "columns of the delta rule's input");
  check_equal(state.memory.cols, rule.value_heads * rule.key_dim * rule.value_dim, "numbers of a state");
  require({.state_rows = rule.key_dim});
  if (step.shape.tokens == 0) return;
  const int rows = rule.key_dim > 128 ? 256 : 128;
  launch(rows == 128 ? "delta_rule_128" : "delta_rule_256",
         {rule.value_heads, step.shape.sequences, divided_up(rule.value_dim, kStateColumns)}, kStateThreads,
         DeltaSteps{rows_of(out), rows_of(x), rows_of(state.memory), steps_of(step), floats_of(rule.decay),
                    floats_of(rule.step_bias), rule.key_heads, rule.value_heads, rule.key_dim, rule.value_dim,
                    rule.tiled ? 1 : 0, rule.by_channel ? 1 : 0},
         gpu::SharedSize().array<float>(rows).array<float>(rows).array<float>(rows).bytes());
  launch("finish_delta", {step.shape.tokens}, kRowThreads,
         FinishDelta{rows_of(out), rows_of(x), weights_of(rule.norm), rule.value_heads, rule.value_dim,
                     rule.channels(), rule.sigmoid_gate ? 1 : 0});
}

void CudaBackend::state_space(Tensor out, Tensor x, StateLayer state, const Step& step,
                              const StateSpace& space) {
  check_equal(x.cols, space.in_width(), "columns of the state space's input");
  check_equal(state.memory.cols, space.heads * space.state_dim * space.head_dim, "numbers of a state");
  require({.state_rows = space.state_dim});
  if (step.shape.tokens == 0) return;
  const int rows = space.state_dim > 128 ? 256 : 128;
  launch(rows == 128 ? "state_space_128" : "state_space_256",
         {space.heads, step.shape.sequences, divided_up(space.head_dim, kStateColumns)}, kStateThreads,
         SpaceSteps{rows_of(out), rows_of(x), rows_of(state.memory), steps_of(step), floats_of(space.decay),
                    floats_of(space.step_bias), floats_of(space.skip), space.heads, space.head_dim,
                    space.groups, space.state_dim, space.step_min, space.step_max},
         gpu::SharedSize().array<float>(rows).array<float>(rows).bytes());
  launch("finish_space", {space.groups, step.shape.tokens}, kRowThreads,
         FinishSpace{rows_of(out), rows_of(x), weights_of(space.norm), space.width() / space.groups,
                     space.norm_first ? 1 : 0},
         gpu::SharedSize().array<float>(kRowThreads / 32).bytes());
}

}  // namespace ferrum
