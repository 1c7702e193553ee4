// Layers that keep a state of fixed size of each sequence. A block goes through the rows of one sequence, one
// after another, with its part of the state in registers.
#include "backend/cuda/kernels/recurrent.h"

#include "backend/cuda/kernels/functions.h"

using namespace ferrum::cuda;

namespace {

struct Run {
  int begin, end;
  int from, to;  // slots; from −1: zeros
};
GPU_FN Run run_of(const StateSteps& s, int sequence) {
  const int* slots = s.slots + sequence * s.slots_stride;
  return {s.query_start[sequence], s.query_start[sequence + 1], slots[0], slots[1]};
}

// Row i of a column that a lane has as number n: quarter q has rows 4 q + 16 k + 0 … 3.
GPU_FN int row_of(int n, int quarter) { return n / 4 * 16 + quarter * 4 + n % 4; }

// The sum over the four lanes of a column: the same for each.
GPU_FN float column_sum(float x) {
  x += gpu::shuffle_xor(x, 1);
  return x + gpu::shuffle_xor(x, 2);
}

template <int kEach>
struct Column {
  float s[kEach];
  float* place;  // of row 0, in the slot that is left; null: this lane has none
  int rows, stride, quarter;

  // From the slot that the run begins with; `first` is where row 0 stands in a slot. Lanes past the last column
  // have none.
  GPU_FN void begin(const Rows& memory, const Run& run, int64_t first, bool has) {
    place = has ? memory.data + run.to * memory.stride + first : nullptr;
    const float* from = has && run.from >= 0 ? memory.data + run.from * memory.stride + first : nullptr;
#pragma unroll
    for (int n = 0; n < kEach; ++n) {
      const int i = row_of(n, quarter);
      s[n] = from == nullptr || i >= rows ? 0 : from[i * stride];
    }
  }
  GPU_FN void leave() const {
#pragma unroll
    for (int n = 0; n < kEach; ++n) {
      const int i = row_of(n, quarter);
      if (place != nullptr && i < rows) place[i * stride] = s[n];
    }
  }
};

// Four numbers of a shared array whose room is padded with zeros.
struct Four {
  float v[4];
};
GPU_FN Four four_at(const float* x, int i) {
  const auto bits = gpu::load(reinterpret_cast<const gpu::Vec4*>(x + i));
  return {{gpu::float_of(bits.x), gpu::float_of(bits.y), gpu::float_of(bits.z), gpu::float_of(bits.w)}};
}

// x / √(Σ x² + 1e-6) · scale to shared memory, by one warp.
GPU_FN void direction(float* to, const float* x, int n, int room, float scale) {
  float squares = 0;
  for (int i = gpu::lane(); i < n; i += 32) squares += x[i] * x[i];
  const float factor = gpu::rsqrt(gpu::warp_sum(squares) + 1e-6f) * scale;
  for (int i = gpu::lane(); i < room; i += 32) to[i] = i < n ? x[i] * factor : 0;
}

template <int kRows>
GPU_FN void delta_rule(const DeltaSteps& p) {
  constexpr int kEach = kRows / 4;
  gpu::SharedMemory shared;
  float* query = shared.array<float>(kRows);
  float* key = shared.array<float>(kRows);
  float* kept = shared.array<float>(kRows);
  const int head = gpu::block_index().x, thread = gpu::thread_index();
  const int column = gpu::block_index().z * kStateColumns + thread / 4;
  const Run run = run_of(p.steps, gpu::block_index().y);
  const int key_head = p.tiled != 0 ? head % p.key_heads : head / (p.value_heads / p.key_heads);
  const int key_width = p.key_heads * p.key_dim, value_width = p.value_heads * p.value_dim;
  const int64_t first = static_cast<int64_t>(head) * p.key_dim * p.value_dim + column;
  const bool has = column < p.value_dim;

  Column<kEach> state;
  state.rows = p.key_dim;
  state.stride = p.value_dim;
  state.quarter = thread % 4;
  state.begin(p.memory, run, first, has);
  for (int t = run.begin; t < run.end; ++t) {
    const float* q = p.x.data + t * p.x.stride;
    const float* v = q + 2 * key_width;
    const float* beta = v + 2 * value_width;
    const float* alpha = beta + p.value_heads;
    if (gpu::warp() == 0)
      direction(query, q + key_head * p.key_dim, p.key_dim, kRows, gpu::rsqrt(static_cast<float>(p.key_dim)));
    if (gpu::warp() == 1) direction(key, q + key_width + key_head * p.key_dim, p.key_dim, kRows, 1);
    if (gpu::warp() >= 2)
      for (int i = thread - 64; i < kRows; i += 64) {
        const int rate = p.by_channel != 0 ? head * p.key_dim + i : head;
        kept[i] = i < p.key_dim ? gpu::exp(p.decay[head] * softplus(alpha[rate] + p.step_bias[rate])) : 0;
      }
    gpu::sync_block();
    float seen = 0;
#pragma unroll
    for (int n = 0; n < kEach; n += 4) {
      const int i = row_of(n, state.quarter);
      if (i >= p.key_dim) continue;
      const Four k = four_at(key, i), by = four_at(kept, i);
#pragma unroll
      for (int e = 0; e < 4; ++e) {
        state.s[n + e] *= by.v[e];
        seen = gpu::fma(state.s[n + e], k.v[e], seen);
      }
    }
    const float value = has ? v[head * p.value_dim + column] : 0;
    const float change = logistic(beta[head]) * (value - column_sum(seen));
    float sum = 0;
#pragma unroll
    for (int n = 0; n < kEach; n += 4) {
      const int i = row_of(n, state.quarter);
      if (i >= p.key_dim) continue;
      const Four k = four_at(key, i), by = four_at(query, i);
#pragma unroll
      for (int e = 0; e < 4; ++e) {
        state.s[n + e] = gpu::fma(k.v[e], change, state.s[n + e]);
        sum = gpu::fma(state.s[n + e], by.v[e], sum);
      }
    }
    sum = column_sum(sum);
    if (has && state.quarter == 0) p.out.data[t * p.out.stride + head * p.value_dim + column] = sum;
    gpu::sync_block();
  }
  state.leave();
}

template <int kRows>
GPU_FN void state_space(const SpaceSteps& p) {
  constexpr int kEach = kRows / 4;
  gpu::SharedMemory shared;
  float* b = shared.array<float>(kRows);
  float* c = shared.array<float>(kRows);
  const int head = gpu::block_index().x, thread = gpu::thread_index();
  const int column = gpu::block_index().z * kStateColumns + thread / 4;
  const Run run = run_of(p.steps, gpu::block_index().y);
  const int group = head / (p.heads / p.groups), width = p.heads * p.head_dim,
            group_width = p.groups * p.state_dim;
  const int64_t first = static_cast<int64_t>(head) * p.state_dim * p.head_dim + column;
  const bool has = column < p.head_dim;

  Column<kEach> state;
  state.rows = p.state_dim;
  state.stride = p.head_dim;
  state.quarter = thread % 4;
  state.begin(p.memory, run, first, has);
  for (int t = run.begin; t < run.end; ++t) {
    const float* inputs = p.x.data + t * p.x.stride + width;
    const float* dt = inputs + width + 2 * group_width;
    for (int i = thread; i < kRows; i += kStateThreads) {
      b[i] = i < p.state_dim ? inputs[width + group * p.state_dim + i] : 0;
      c[i] = i < p.state_dim ? inputs[width + group_width + group * p.state_dim + i] : 0;
    }
    gpu::sync_block();
    float length = softplus(dt[head] + p.step_bias[head]);
    length = length < p.step_min ? p.step_min : length > p.step_max ? p.step_max : length;
    const float kept = gpu::exp(p.decay[head] * length);
    const float input = has ? inputs[head * p.head_dim + column] : 0, part = length * input;
    float sum = 0;
#pragma unroll
    for (int n = 0; n < kEach; n += 4) {
      const int i = row_of(n, state.quarter);
      if (i >= p.state_dim) continue;
      const Four in = four_at(b, i), by = four_at(c, i);
#pragma unroll
      for (int e = 0; e < 4; ++e) {
        state.s[n + e] = gpu::fma(in.v[e], part, kept * state.s[n + e]);
        sum = gpu::fma(state.s[n + e], by.v[e], sum);
      }
    }
    sum = gpu::fma(p.skip[head], input, column_sum(sum));
    if (has && state.quarter == 0) p.out.data[t * p.out.stride + head * p.head_dim + column] = sum;
    gpu::sync_block();
  }
  state.leave();
}

}  // namespace

GPU_KERNEL(convolve, Convolve, kColumnThreads, 1) {
  const int c = gpu::block_index().x * kColumnThreads + gpu::thread_index();
  if (c >= p.channels) return;
  const Run run = run_of(p.steps, gpu::block_index().y);
  const float bias = p.bias == nullptr ? 0 : p.bias[c];
  float weight[kMostKernel], input[kMostKernel];  // the newest is the last of the kernel's
#pragma unroll
  for (int j = 0; j < kMostKernel; ++j) {
    weight[j] = j < p.kernel ? p.weight[j * p.weight_stride + c] : 0;
    input[j] = run.from < 0 || j >= p.kernel - 1
                   ? 0
                   : p.inputs.data[run.from * p.inputs.stride + j * p.channels + c];
  }
  for (int t = run.begin; t < run.end; ++t) {
    float& x = p.x.data[t * p.x.stride + c];
    float sum = bias;
#pragma unroll
    for (int j = 0; j < kMostKernel; ++j) {
      if (j == p.kernel - 1) input[j] = x;
      sum = gpu::fma(weight[j], input[j], sum);
    }
    x = p.silu != 0 ? sum * logistic(sum) : sum;
#pragma unroll
    for (int j = 0; j + 1 < kMostKernel; ++j) input[j] = input[j + 1];
  }
#pragma unroll
  for (int j = 0; j < kMostKernel; ++j)
    if (j < p.kernel - 1) p.inputs.data[run.to * p.inputs.stride + j * p.channels + c] = input[j];
}

GPU_KERNEL(delta_rule_128, DeltaSteps, kStateThreads, 1) { delta_rule<128>(p); }
GPU_KERNEL(delta_rule_256, DeltaSteps, kStateThreads, 1) { delta_rule<256>(p); }
GPU_KERNEL(state_space_128, SpaceSteps, kStateThreads, 1) { state_space<128>(p); }
GPU_KERNEL(state_space_256, SpaceSteps, kStateThreads, 1) { state_space<256>(p); }

GPU_KERNEL(finish_delta, FinishDelta, kRowThreads, 1) {
  const int row = gpu::block_index().x;
  for (int h = gpu::warp(); h < p.heads; h += kRowThreads / 32) {
    float* out = p.out.data + row * p.out.stride + h * p.value_dim;
    const float* gate = p.x.data + row * p.x.stride + p.gate_first + h * p.value_dim;
    float squares = 0;
    for (int i = gpu::lane(); i < p.value_dim; i += 32) squares += out[i] * out[i];
    squares = gpu::warp_sum(squares);
    const float factor =
        p.norm.kind == kNormNone ? 1 : gpu::rsqrt(squares / static_cast<float>(p.value_dim) + p.norm.eps);
    for (int i = gpu::lane(); i < p.value_dim; i += 32) {
      float value = out[i] * factor;
      if (p.norm.weight != nullptr) value *= p.norm.weight[i];
      out[i] = value * (p.sigmoid_gate != 0 ? logistic(gate[i]) : gate[i] * logistic(gate[i]));
    }
  }
}

GPU_KERNEL(finish_space, FinishSpace, kRowThreads, 1) {
  gpu::SharedMemory shared;
  float* partial = shared.array<float>(kRowThreads / 32);
  const int first = gpu::block_index().x * p.columns, row = gpu::block_index().y;
  float* out = p.out.data + row * p.out.stride + first;
  const float* z = p.z.data + row * p.z.stride + first;
  float squares = 0;
  for (int i = gpu::thread_index(); i < p.columns; i += kRowThreads) {
    if (p.norm_first == 0) out[i] *= z[i] * logistic(z[i]);
    squares += out[i] * out[i];
  }
  float factor = 1;
  if (p.norm.kind != kNormNone)
    factor = gpu::rsqrt(block_sum(squares, partial) / static_cast<float>(p.columns) + p.norm.eps);
  for (int i = gpu::thread_index(); i < p.columns; i += kRowThreads) {
    float value = out[i] * factor;
    if (p.norm.weight != nullptr) value *= p.norm.weight[first + i];
    out[i] = p.norm_first != 0 ? value * (z[i] * logistic(z[i])) : value;
  }
}
