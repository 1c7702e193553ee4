// What is done to each row by itself.
#include "backend/cuda/kernels/rows.h"

#include "backend/cuda/kernels/functions.h"

using namespace ferrum::cuda;

namespace {

GPU_FN float* row_of(const Rows& t, int row) { return t.data + row * t.stride; }
GPU_FN int column() { return gpu::block_index().x * kColumnThreads + gpu::thread_index(); }

}  // namespace

GPU_KERNEL(norm_rows, NormRows, kRowThreads, 1) {
  gpu::SharedMemory shared;
  float* partial = shared.array<float>(kRowThreads / 32);
  const int row = gpu::block_index().x, first = gpu::thread_index();
  const float* x = row_of(p.x, row);
  float* out = row_of(p.out, row);
  float sum = 0;
  if (p.residual.data != nullptr) {
    float* residual = row_of(p.residual, row);
    for (int i = first; i < p.cols; i += kRowThreads) {
      const float value = residual[i] + p.scale * x[i];
      residual[i] = value;
      sum += p.norm.kind == kNormLayer ? value : value * value;
    }
    x = residual;
  } else {
    for (int i = first; i < p.cols; i += kRowThreads) sum += p.norm.kind == kNormLayer ? x[i] : x[i] * x[i];
  }
  float mean = 0, factor = 1;
  if (p.norm.kind != kNormNone) {
    sum = block_sum(sum, partial);
    if (p.norm.kind == kNormLayer) {
      mean = sum / static_cast<float>(p.cols);
      float squares = 0;
      for (int i = first; i < p.cols; i += kRowThreads) squares += (x[i] - mean) * (x[i] - mean);
      sum = block_sum(squares, partial);
    }
    factor = gpu::rsqrt(sum / static_cast<float>(p.cols) + p.norm.eps);
  }
  for (int i = first; i < p.cols; i += kRowThreads) {
    float value = (x[i] - mean) * factor;
    if (p.norm.weight != nullptr) value *= p.norm.weight[i];
    if (p.norm.bias != nullptr) value += p.norm.bias[i];
    out[i] = value;
  }
}

GPU_KERNEL(add_rows, AddRows, kColumnThreads, 1) {
  const int i = column(), row = gpu::block_index().y;
  if (i < p.cols) row_of(p.to, row)[i] += p.factor * row_of(p.x, row)[i];
}

GPU_KERNEL(scale_rows, AddRows, kColumnThreads, 1) {
  const int i = column();
  if (i >= p.cols) return;
  float& x = row_of(p.to, gpu::block_index().y)[i];
  const float product = p.factor * x;
  x = p.cap == 0 ? product : p.cap * gpu::tanh(product / p.cap);
}

GPU_KERNEL(gate_rows, GateRows, kColumnThreads, 1) {
  const int i = column(), row = gpu::block_index().y;
  if (i >= p.cols) return;
  const float gate = row_of(p.gates, row)[i / p.run];
  const float factor = p.kind == kGateSigmoid    ? logistic(gate)
                       : p.kind == kGateSoftplus ? softplus(gate)
                                                 : gate;
  row_of(p.x, row)[i] *= factor;
}

GPU_KERNEL(gather_rows, MoveRows, kColumnThreads, 1) {
  const int i = column(), row = gpu::block_index().y;
  if (i < p.cols) row_of(p.to, row)[i] = row_of(p.x, p.rows[row])[i];
}

GPU_KERNEL(scatter_rows, MoveRows, kColumnThreads, 1) {
  const int i = column(), row = gpu::block_index().y;
  if (i < p.cols) row_of(p.to, p.rows[row])[i] = row_of(p.x, row)[i];
}

GPU_KERNEL(pool_rows, PoolRows, kColumnThreads, 1) {
  const int i = column(), row = gpu::block_index().y;
  if (i >= p.cols) return;
  const int begin = p.starts[row], end = p.starts[row + 1];
  const auto count = static_cast<float>(end - begin);
  float result = row_of(p.x, p.how == kPoolLast ? end - 1 : begin)[i];
  if (p.how != kPoolFirst && p.how != kPoolLast)
    for (int r = begin + 1; r < end; ++r) {
      const float value = row_of(p.x, r)[i];
      if (p.how == kPoolMax)
        result = result < value || value != value ? value : result;
      else
        result += p.how == kPoolWeightedMean ? static_cast<float>(r - begin + 1) * value : value;
    }
  if (p.how == kPoolMean) result /= count;
  if (p.how == kPoolMeanOfRoot) result *= gpu::rsqrt(count);
  if (p.how == kPoolWeightedMean) result /= count * (count + 1) / 2;
  row_of(p.out, row)[i] = result;
}

GPU_KERNEL(activate_rows, ActivateRows, kColumnThreads, 1) {
  const int i = column(), row = gpu::block_index().y;
  if (i >= p.cols) return;
  const float* x = row_of(p.x, row);
  row_of(p.out, row)[i] =
      p.activation.gated ? activated(x[i], x[p.cols + i], p.activation) : activated(x[i], p.activation);
}

GPU_KERNEL(copy_words, CopyWords, kColumnThreads, 1) {
  const int i = column(), pair = gpu::block_index().y;
  if (i >= p.count) return;
  p.data[p.from_to[2 * pair + 1] * p.stride + i] = p.data[p.from_to[2 * pair] * p.stride + i];
}
