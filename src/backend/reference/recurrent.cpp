// Layers that keep a state of fixed size of each sequence.
#include <algorithm>
#include <cmath>
#include <cstring>
#include <vector>

#include "backend/reference/norm.h"
#include "backend/reference/reference_backend.h"
#include "base/check.h"

namespace ferrum {
namespace {

double logistic(double x) { return 1 / (1 + std::exp(-x)); }
double softplus(double x) { return std::max(x, 0.0) + std::log1p(std::exp(-std::abs(x))); }

// The rows of one sequence in a step, and the slots of its state.
struct Run {
  int begin, end;
  int from, to;  // from −1: zeros
};

Run run_of(const Step& step, int sequence) {
  return {*step.query_start.at<int32_t>(sequence), *step.query_start.at<int32_t>(sequence + 1),
          *step.state_slots.at<int32_t>(sequence, 0), *step.state_slots.at<int32_t>(sequence, 1)};
}

// The state as it is before the run.
std::vector<float> state_before(const Tensor& slots, int from) {
  if (from < 0) return std::vector<float>(static_cast<size_t>(slots.cols));
  check(from < slots.rows, "a slot of the states");
  return {slots.at<float>(from), slots.at<float>(from) + slots.cols};
}

void leave_state(const Tensor& slots, int to, const std::vector<float>& state) {
  check(to >= 0 && to < slots.rows, "a slot of the states");
  std::ranges::copy(state, slots.at<float>(to));
}

// x / √(Σ x² + 1e-6) · scale
std::vector<float> direction(const float* x, int n, double scale) {
  double squares = 0;
  for (int i = 0; i < n; ++i) squares += double{x[i]} * x[i];
  std::vector<float> out(static_cast<size_t>(n));
  for (int i = 0; i < n; ++i)
    out[static_cast<size_t>(i)] = static_cast<float>(x[i] / std::sqrt(squares + 1e-6) * scale);
  return out;
}

// One head's S.
struct Memory {
  float* first;
  int value_dim;
  float& at(int key, int value) const { return first[key * value_dim + value]; }
};

// The norm of each group's part of a row, and the gate.
void finish_row(float* y, const float* z, const StateSpace& space) {
  const auto gate = [&] {
    for (int i = 0; i < space.width(); ++i) y[i] = static_cast<float>(y[i] * (z[i] * logistic(z[i])));
  };
  if (!space.norm_first) gate();
  const int size = space.width() / space.groups;
  for (int first = 0; first < space.width(); first += size) {
    Norm norm = space.norm;
    if (!norm.weight.empty()) norm.weight = norm.weight.columns(first, size);
    normalize(y + first, y + first, size, norm);
  }
  if (space.norm_first) gate();
}

}  // namespace

void ReferenceBackend::convolve(Tensor x, StateLayer state, const Step& step,
                                const Convolution& convolution) {
  const int kernel = convolution.weight.rows;
  const auto channels = static_cast<size_t>(x.cols);
  check_equal(convolution.weight.cols, x.cols, "channels of the convolution");
  check_equal(state.inputs.cols, (kernel - 1) * x.cols, "inputs that a state keeps");
  for (int s = 0; s < step.shape.sequences; ++s) {
    const Run run = run_of(step, s);
    std::vector<float> inputs = state_before(state.inputs, run.from);
    for (int t = run.begin; t < run.end; ++t) {
      inputs.insert(inputs.end(), x.at<float>(t), x.at<float>(t) + channels);
      for (size_t c = 0; c < channels; ++c) {
        double sum = convolution.bias.empty() ? 0 : *convolution.bias.at<float>(0, static_cast<int>(c));
        for (int j = 0; j < kernel; ++j)
          sum += double{*convolution.weight.at<float>(j, static_cast<int>(c))} *
                 inputs[static_cast<size_t>(j) * channels + c];
        x.at<float>(t)[c] = static_cast<float>(convolution.silu ? sum * logistic(sum) : sum);
      }
      inputs.erase(inputs.begin(), inputs.begin() + static_cast<std::ptrdiff_t>(channels));
    }
    leave_state(state.inputs, run.to, inputs);
  }
}

void ReferenceBackend::delta_rule(Tensor out, Tensor x, StateLayer state, const Step& step,
                                  const DeltaRule& rule) {
  check_equal(x.cols, rule.in_width(), "columns of the delta rule's input");
  check_equal(state.memory.cols, rule.value_heads * rule.key_dim * rule.value_dim, "numbers of a state");
  const int sharing = rule.value_heads / rule.key_heads;
  for (int s = 0; s < step.shape.sequences; ++s) {
    const Run run = run_of(step, s);
    std::vector<float> memory = state_before(state.memory, run.from);
    for (int t = run.begin; t < run.end; ++t) {
      const float* const q = x.at<float>(t);
      const float* const k = q + rule.key_width();
      const float* const v = k + rule.key_width();
      const float* const z = v + rule.value_width();
      const float* const beta = z + rule.value_width();
      const float* const alpha = beta + rule.value_heads;
      for (int h = 0; h < rule.value_heads; ++h) {
        const int key_head = rule.tiled ? h % rule.key_heads : h / sharing;
        const std::vector<float> query = direction(q + key_head * rule.key_dim, rule.key_dim,
                                                   1 / std::sqrt(static_cast<double>(rule.key_dim)));
        const std::vector<float> key = direction(k + key_head * rule.key_dim, rule.key_dim, 1);
        std::vector<double> kept;  // of each row of S
        for (int i = 0; i < rule.key_dim; ++i) {
          const int rate = rule.by_channel ? h * rule.key_dim + i : h;
          kept.push_back(
              std::exp(double{*rule.decay.at<float>(0, h)} *
                       softplus(double{alpha[rate]} + double{*rule.step_bias.at<float>(0, rate)})));
        }
        const Memory m = {memory.data() + static_cast<std::ptrdiff_t>(h) * rule.key_dim * rule.value_dim,
                          rule.value_dim};
        float* const o = out.at<float>(t) + h * rule.value_dim;
        for (int j = 0; j < rule.value_dim; ++j) {
          double recalled = 0;
          for (int i = 0; i < rule.key_dim; ++i)
            recalled += kept[static_cast<size_t>(i)] * m.at(i, j) * key[static_cast<size_t>(i)];
          const double change = logistic(beta[h]) * (v[h * rule.value_dim + j] - recalled);
          double sum = 0;
          for (int i = 0; i < rule.key_dim; ++i) {
            m.at(i, j) = static_cast<float>(kept[static_cast<size_t>(i)] * m.at(i, j) +
                                            key[static_cast<size_t>(i)] * change);
            sum += double{m.at(i, j)} * query[static_cast<size_t>(i)];
          }
          o[j] = static_cast<float>(sum);
        }
        normalize(o, o, rule.value_dim, rule.norm);
        for (int j = 0; j < rule.value_dim; ++j) {
          const double gate = z[h * rule.value_dim + j];
          o[j] = static_cast<float>(o[j] * (rule.sigmoid_gate ? 1 : gate) * logistic(gate));
        }
      }
    }
    leave_state(state.memory, run.to, memory);
  }
}

void ReferenceBackend::state_space(Tensor out, Tensor x, StateLayer state, const Step& step,
                                   const StateSpace& space) {
  check_equal(x.cols, space.in_width(), "columns of the state space's input");
  check_equal(state.memory.cols, space.heads * space.state_dim * space.head_dim, "numbers of a state");
  const int width = space.width();
  for (int s = 0; s < step.shape.sequences; ++s) {
    const Run run = run_of(step, s);
    std::vector<float> memory = state_before(state.memory, run.from);
    for (int t = run.begin; t < run.end; ++t) {
      const float* const z = x.at<float>(t);
      const float* const inputs = z + width;
      const float* const dt = inputs + space.channels();
      float* const row = out.at<float>(t);
      for (int h = 0; h < space.heads; ++h) {
        const int group = h / (space.heads / space.groups);
        const float* const b = inputs + width + group * space.state_dim;
        const float* const c = b + space.group_width();
        const double length = std::clamp(softplus(double{dt[h]} + double{*space.step_bias.at<float>(0, h)}),
                                         double{space.step_min}, double{space.step_max});
        const double kept = std::exp(double{*space.decay.at<float>(0, h)} * length);
        const Memory m = {memory.data() + static_cast<std::ptrdiff_t>(h) * space.state_dim * space.head_dim,
                          space.head_dim};
        for (int j = 0; j < space.head_dim; ++j) {
          const double input = inputs[h * space.head_dim + j];
          double sum = *space.skip.at<float>(0, h) * input;
          for (int i = 0; i < space.state_dim; ++i) {
            m.at(i, j) = static_cast<float>(kept * m.at(i, j) + b[i] * length * input);
            sum += double{m.at(i, j)} * c[i];
          }
          row[h * space.head_dim + j] = static_cast<float>(sum);
        }
      }
      finish_row(row, z, space);
    }
    leave_state(state.memory, run.to, memory);
  }
}

void ReferenceBackend::copy_states(StateLayer state, Tensor from_to) {
  for (int i = 0; i < from_to.rows; ++i)
    for (const Tensor& slots : {state.inputs, state.memory})
      if (!slots.empty())
        leave_state(slots, *from_to.at<int32_t>(i, 1), state_before(slots, *from_to.at<int32_t>(i)));
}

}  // namespace ferrum
