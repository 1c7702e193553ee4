// Operations on small random inputs, each as a recipe that any backend can follow: ONE table for all of them.
#pragma once
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <memory>
#include <string>
#include <vector>

#include "backend/backend.h"
#include "random_weight.h"
#include "tensor/half.h"

namespace ferrum::test {

// Buffers, weights and tensors of one operation on one backend.
class Bench {
 public:
  // kFar: the rows of a tensor lie so far apart that their indices need more than 32 bits.
  enum class Rows { kNear, kFar };
  explicit Bench(Backend& backend, Rows rows = Rows::kNear) : backend_(backend), rows_(rows) {}

  Tensor tensor(DType dtype, int rows, int cols, int stride = 0) {
    if (stride == 0) stride = cols;
    constexpr int64_t kMost = std::numeric_limits<int>::max();
    if (rows_ == Rows::kFar && rows > 1 && dtype != DType::kI32)
      stride = static_cast<int>(std::min(kMost, stride + (int64_t{1} << 32) / (rows - 1)));
    return allocate(dtype, rows, cols, stride);
  }
  // Rows without gaps, whatever the bench: an array of structs (backend/draw.h).
  Tensor array(int count, size_t bytes_each) {
    return allocate(DType::kI8, count, static_cast<int>(bytes_each), static_cast<int>(bytes_each));
  }
  Tensor floats(const std::vector<float>& values, int rows, int stride = 0) {
    const Tensor t = tensor(DType::kF32, rows, static_cast<int>(values.size()) / rows, stride);
    backend_.upload(t, std::as_bytes(std::span(values)));
    return t;
  }
  Tensor random(int rows, int cols, uint32_t seed, int stride = 0) {
    return floats(random_floats(static_cast<size_t>(rows) * static_cast<size_t>(cols), seed), rows, stride);
  }
  Tensor integers(const std::vector<int32_t>& values, int rows) {
    const Tensor t = tensor(DType::kI32, rows, static_cast<int>(values.size()) / rows);
    backend_.upload(t, std::as_bytes(std::span(values)));
    return t;
  }
  const Weight& weight(const RandomWeight& weight) { return this->weight(weight.source()); }
  const Weight& weight(const WeightSource& source) {
    weights_.push_back(backend_.pack(source));
    return *weights_.back();
  }

  void set_run(std::function<void()> run) { run_ = std::move(run); }
  void add_output(Tensor t) { outputs_.push_back(t); }

  Backend& backend() { return backend_; }
  void run() { run_(); }

  // The elements of each output, in float32.
  std::vector<std::vector<float>> outputs() {
    std::vector<std::vector<float>> all;
    for (const Tensor& t : outputs_) {
      std::vector<float>& values =
          all.emplace_back(static_cast<size_t>(t.rows) * static_cast<size_t>(t.cols));
      std::vector<std::byte> bytes(values.size() * size_of(t.dtype));
      backend_.download(bytes, t);
      for (size_t i = 0; i < values.size(); ++i) values[i] = element(bytes.data(), t.dtype, i);
    }
    return all;
  }

 private:
  static float element(const std::byte* bytes, DType dtype, size_t i) {
    if (dtype == DType::kF32) return reinterpret_cast<const float*>(bytes)[i];
    if (dtype == DType::kI32) return static_cast<float>(reinterpret_cast<const int32_t*>(bytes)[i]);
    if (dtype == DType::kI8) return static_cast<float>(reinterpret_cast<const int8_t*>(bytes)[i]);
    const uint16_t half = reinterpret_cast<const uint16_t*>(bytes)[i];
    return dtype == DType::kF16 ? float_from_f16(half) : float_from_bf16(half);
  }

  Tensor allocate(DType dtype, int rows, int cols, int stride) {
    const size_t bytes = static_cast<size_t>(rows) * static_cast<size_t>(stride) * size_of(dtype);
    buffers_.push_back(backend_.allocate(std::max<size_t>(bytes, 1)));
    return {buffers_.back()->data(), dtype, rows, cols, stride};
  }

  Backend& backend_;
  Rows rows_;
  std::vector<std::unique_ptr<Buffer>> buffers_;
  std::vector<std::unique_ptr<Weight>> weights_;
  std::function<void()> run_;
  std::vector<Tensor> outputs_;
};

// How far a right backend may be from the reference, each output tensor by itself.
enum class Agreement {
  kExact,    // the same bits: nothing is computed
  kRounded,  // float32 sums in another order, elementary functions: |difference| <= 3e-5 r.m.s.
  kHalf,     // and stored in 16 bits on the way: |difference| <= 0.03 r.m.s., a step of bf16 at 4 to 8 r.m.s.
  kQuantized,  // a backend may quantise inputs to bytes: NMSE <= 2e-4; 32 normal values to a scale give 3e-5
};

// Empty, or what is wrong. slack: by how much kRounded may be exceeded, where a backend rounds operands as
// well.
inline std::string disagreement(const std::vector<std::vector<float>>& expected,
                                const std::vector<std::vector<float>>& actual, Agreement agreement,
                                double slack = 1) {
  if (expected.size() != actual.size()) return "the number of outputs";
  for (size_t o = 0; o < expected.size(); ++o) {
    double squares = 0;
    double error_squares = 0;
    double worst = 0;
    size_t worst_at = 0;
    if (expected[o].size() != actual[o].size()) return "the size of output " + std::to_string(o);
    for (size_t i = 0; i < expected[o].size(); ++i) {
      const double difference = static_cast<double>(actual[o][i]) - expected[o][i];
      if (!(std::abs(difference) < 1e30))
        return "not finite at " + std::to_string(i) + " of output " + std::to_string(o);
      squares += static_cast<double>(expected[o][i]) * expected[o][i];
      error_squares += difference * difference;
      if (std::abs(difference) > worst) worst = std::abs(difference), worst_at = i;
    }
    const double rms = std::sqrt(squares / static_cast<double>(std::max<size_t>(1, expected[o].size())));
    bool agrees = true;
    switch (agreement) {
      case Agreement::kExact:
        agrees = worst == 0;
        break;
      case Agreement::kRounded:
        agrees = worst <= slack * 3e-5 * rms;
        break;
      case Agreement::kHalf:
        agrees = worst <= 3e-2 * rms;
        break;
      case Agreement::kQuantized:
        agrees = error_squares <= 2e-4 * squares;
        break;
    }
    if (!agrees)
      return fmt::format(
          "output {}: largest difference {:.3g} at {} ({} instead of {}), r.m.s. {:.3g}, NMSE {:.3g}", o,
          worst, worst_at, actual[o][worst_at], expected[o][worst_at], rms, error_squares / squares);
  }
  return "";
}

// Inputs that quantising to bytes with one scale for 32 values keeps as they are: integers up to 127, which
// every group of 32 contains, times a power of two.
std::vector<float> grid_floats(size_t count, uint32_t seed);

struct Operation {
  std::string name;
  Agreement agreement;
  std::function<void(Bench&)> prepare;
};

// Every activation with a gate and, where it is defined, without.
struct NamedActivation {
  std::string name;
  Activation activation;
};
std::vector<NamedActivation> named_activations();

std::vector<Operation> token_wise_operations();
std::vector<Operation> matrix_operations();
std::vector<Operation> attention_operations();
std::vector<Operation> expert_operations();
std::vector<Operation> draw_operations();
std::vector<Operation> recurrent_operations();
std::vector<Operation> low_rank_operations();
inline const std::vector<Operation>& all_operations() {  // made once, with its weights
  static const std::vector<Operation> operations = [] {
    std::vector<Operation> all = token_wise_operations();
    for (auto list : {matrix_operations, attention_operations, expert_operations, draw_operations,
                      recurrent_operations, low_rank_operations})
      for (Operation& operation : list()) all.push_back(std::move(operation));
    return all;
  }();
  return operations;
}

}  // namespace ferrum::test
