// BF16 weights with inputs rounded to bf16, as sets with VDPBF16PS multiply them. Every set has that kernel,
// so it is tested on CPUs that would not choose it, too; only the instruction itself needs one that has it.
#include <gtest/gtest.h>

#include "backend/cpu/matmul.h"
#include "base/thread_pool.h"
#include "random_weight.h"
#include "tensor/half.h"

namespace ferrum::test {
namespace {

struct Shape {
  int rows;
  int cols;
  int tokens;
};

class PairInputs : public testing::TestWithParam<Isa> {
 protected:
  PairInputs() : kernels_(cpu::kernels_for(GetParam())) { kernels_.has_pair_dot = true; }

  // [tokens, rows] of rows up to what a worker keeps the sums of.
  std::vector<float> product(const RandomWeight& random, const std::vector<float>& x, Shape shape) {
    ThreadPool pool(1);
    cpu::PageArena arena;
    const cpu::CpuWeight weight(random.source(), kernels_, pool, arena);
    const cpu::Matmul matmul(kernels_, cpu::Activations::kBf16, 1);
    const cpu::Forms forms = matmul.forms_for(weight);
    EXPECT_TRUE(forms.halves && !forms.floats && !forms.quantized);
    cpu::InputArray inputs;
    inputs.grow(shape.tokens, shape.cols, forms);
    for (int t = 0; t < shape.tokens; ++t) {
      float* row = const_cast<float*>(x.data()) + static_cast<size_t>(t) * static_cast<size_t>(shape.cols);
      matmul.take_input({row, DType::kF32, 1, shape.cols, shape.cols}, {weight, 0}, inputs,
                        {t, shape.tokens, 0}, 0);
    }
    const cpu::PanelSums sums =
        matmul.multiply(weight, 0, {0, weight.panels()}, inputs.inputs(shape.tokens, forms, 0), 0);
    std::vector<float> out(static_cast<size_t>(shape.tokens) * static_cast<size_t>(shape.rows));
    weight.each_run(0, {0, weight.panels()}, [&](const cpu::PanelRun& run) {
      const int lanes = kernels_.lanes;
      for (int t = 0; t < shape.tokens; ++t)
        for (int r = 0; r < run.rows; ++r)
          out[static_cast<size_t>(t * shape.rows + run.first_row + r)] =
              sums.data[(run.first_panel + r / lanes) * sums.panel_stride + t * lanes + r % lanes];
    });
    return out;
  }

  cpu::Kernels kernels_;
};

TEST_P(PairInputs, AreTheProductsOfRoundedInputs) {
  for (const Shape shape : {Shape{5, 1, 1}, {19, 299, 3}, {16, 256, 13}, {30, 600, 60}}) {
    const auto cols = static_cast<size_t>(shape.cols);
    const RandomWeight random(Format::kBF16, shape.rows, shape.cols, 7);
    const std::vector<float> x = random_floats(static_cast<size_t>(shape.tokens) * cols, 8);
    std::vector<float> w(static_cast<size_t>(shape.rows) * cols);
    traits(Format::kBF16).decode(random.source().parts[0][0].bytes.data(), w.data(), w.size());

    const std::vector<float> got = product(random, x, shape);
    double error = 0;
    double size = 0;
    for (size_t i = 0; i < got.size(); ++i) {
      const size_t t = i / static_cast<size_t>(shape.rows);
      const size_t r = i % static_cast<size_t>(shape.rows);
      double expected = 0;
      for (size_t c = 0; c < cols; ++c)
        expected += double{w[r * cols + c]} * float_from_bf16(bf16_from_float(x[t * cols + c]));
      error += (got[i] - expected) * (got[i] - expected);
      size += expected * expected;
    }
    EXPECT_LE(error, 1e-11 * size) << shape.rows << " × " << shape.cols << ", " << shape.tokens << " tokens";
  }
}

TEST_P(PairInputs, ATokensSumsDoNotDependOnTheOthers) {
  constexpr int kTokens = 61;
  const RandomWeight random(Format::kBF16, 24, 600, 9);
  const std::vector<float> x = random_floats(size_t{kTokens} * 600, 10);
  const std::vector<float> all = product(random, x, {24, 600, kTokens});
  for (const int t : {0, 12, 60}) {
    const std::vector<float> one(x.begin() + t * 600, x.begin() + (t + 1) * 600);
    EXPECT_EQ(product(random, one, {24, 600, 1}),
              std::vector<float>(all.begin() + t * 24, all.begin() + (t + 1) * 24));
  }
}

INSTANTIATE_TEST_SUITE_P(Every, PairInputs, testing::ValuesIn(available_isas()),
                         [](const auto& info) { return std::string(name_of(info.param)); });

}  // namespace
}  // namespace ferrum::test
