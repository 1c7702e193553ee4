// Rows of the table: products with weights.
#include "operations.h"

namespace ferrum::test {
namespace {

int block_of(Format format) { return traits(format).block_values; }

Operation linear(const std::string& shape, int tokens, std::vector<RandomWeight::PartSpec> parts, int cols,
                 bool bias, bool on_grid) {
  std::string name = "linear/" + shape;
  for (const auto& part : parts)
    name += "/" + std::string(name_of(part.format)) + (part.is_ordered ? "_ordered" : "");
  name += "/tokens" + std::to_string(tokens) + (bias ? "/bias" : "") + (on_grid ? "/grid" : "");
  const auto w = std::make_shared<RandomWeight>(1, cols, parts, bias, 7);
  return {name, on_grid ? Agreement::kRounded : Agreement::kQuantized, [=](Bench& bench) {
            const size_t count = static_cast<size_t>(tokens) * static_cast<size_t>(cols);
            // Rows further apart than they are wide, on both sides.
            const Tensor x =
                bench.floats(on_grid ? grid_floats(count, 3) : random_floats(count, 3), tokens, cols + 5);
            const Weight& packed = bench.weight(*w);
            const Tensor out = bench.tensor(DType::kF32, tokens, packed.rows(), packed.rows() + 3);
            bench.add_output(out);
            bench.set_run([&bench, w, x, out, &packed] { bench.backend().linear(out, x, packed); });
          }};
}

// A matrix for each head. On the grid, with rows further apart than they are wide.
Operation linear_heads(int heads, int tokens, Format format, int rows, int cols, bool bias) {
  const auto w =
      std::make_shared<RandomWeight>(heads, cols, std::vector{RandomWeight::PartSpec{format, rows}}, bias, 8);
  return {fmt::format("linear_heads/{}x{}of{}/{}/tokens{}{}", heads, rows, cols, name_of(format), tokens,
                      bias ? "/bias" : ""),
          Agreement::kRounded, [=](Bench& bench) {
            WeightSource source = w->source();
            source.use = WeightUse::kHeads;
            const Weight& packed = bench.weight(source);
            const size_t count = static_cast<size_t>(tokens) * static_cast<size_t>(heads * cols);
            const Tensor x = bench.floats(grid_floats(count, 3), tokens, heads * cols + 5);
            const Tensor out = bench.tensor(DType::kF32, tokens, heads * rows, heads * rows + 3);
            bench.add_output(out);
            bench.set_run([&bench, w, x, out, &packed] { bench.backend().linear_heads(out, x, packed); });
          }};
}

Operation expand(const NamedActivation& activation, int tokens, std::vector<RandomWeight::PartSpec> parts,
                 int cols, bool bias) {
  std::string name = fmt::format("expand/{}/cols{}", activation.name, cols);
  for (const auto& part : parts)
    name += fmt::format("/{}{}x{}", name_of(part.format), part.is_ordered ? "_ordered" : "", part.rows);
  name += "/tokens" + std::to_string(tokens) + (bias ? "/bias" : "");
  const auto w = std::make_shared<RandomWeight>(1, cols, parts, bias, 9);
  // In another order a group of 32 may lack the largest integer, so that rounding to bytes is seen.
  const bool is_ordered = std::any_of(parts.begin(), parts.end(), [](const auto& p) { return p.is_ordered; });
  return {name, is_ordered ? Agreement::kQuantized : Agreement::kRounded,
          [=, a = activation.activation](Bench& bench) {
            const Tensor x =
                bench.floats(grid_floats(static_cast<size_t>(tokens) * static_cast<size_t>(cols), 4), tokens);
            const Weight& packed = bench.weight(*w);
            const Tensor out = bench.tensor(DType::kF32, tokens, a.gated ? packed.rows() / 2 : packed.rows());
            bench.add_output(out);
            bench.set_run([&bench, w, x, out, a, &packed] { bench.backend().expand(out, x, packed, a); });
          }};
}

Operation swiglu(int tokens, std::vector<RandomWeight::PartSpec> parts, int cols, bool bias) {
  return expand(named_activations()[0], tokens, std::move(parts), cols, bias);
}

}  // namespace

std::vector<NamedActivation> named_activations() {
  using Kind = Activation::Kind;
  std::vector<NamedActivation> all;
  for (const bool gated : {true, false}) {
    const std::string suffix = gated ? "" : "_ungated";
    all.push_back({"silu" + suffix, {.kind = Kind::kSilu, .gated = gated}});
    all.push_back({"gelu" + suffix, {.kind = Kind::kGelu, .gated = gated}});
    all.push_back({"gelu_tanh" + suffix, {.kind = Kind::kGeluTanh, .gated = gated}});
    all.push_back({"relu_squared" + suffix, {.kind = Kind::kReluSquared, .gated = gated}});
    all.push_back({"scaled_silu" + suffix, {.kind = Kind::kScaledSilu, .gated = gated, .alpha = 0.6f}});
    all.push_back({"xielu" + suffix,
                   {.kind = Kind::kXielu,
                    .gated = gated,
                    .limit = -1e-6f,
                    .positive = 0.8f,
                    .negative = 1.1f,
                    .beta = 0.5f}});
  }
  all.push_back(
      {"clamped_silu", {.kind = Kind::kClampedSilu, .gated = true, .limit = 0.7f, .alpha = 1.702f}});
  all.push_back({"limited_silu", {.kind = Kind::kSilu, .gated = true, .limit = 0.4f}});
  return all;
}

std::vector<float> grid_floats(size_t count, uint32_t seed) {
  std::mt19937 random(seed);
  std::vector<float> values(count);
  for (size_t i = 0; i < count; ++i) values[i] = static_cast<float>(static_cast<int>(random() % 255) - 127);
  for (size_t i = 0; i < count; i += 32) values[i + random() % std::min<size_t>(32, count - i)] = 127;
  for (float& v : values) v *= 0x1p-6f;
  return values;
}

std::vector<Operation> matrix_operations() {
  std::vector<Operation> all;
  for (const Format format : kAllFormats) {
    const int block = std::max(block_of(format), 32);
    for (const int tokens : {1, 2, 3, 17})
      all.push_back(linear("7rows", tokens, {{format, 7}}, 2 * block, false, true));
    all.push_back(linear("1row", 1, {{format, 1}}, block, false, true));
    all.push_back(linear("33rows", 64, {{format, 33}}, 2 * block, true, true));
    all.push_back(linear("18rows", 5, {{format, 18}}, 512, false, false));
    all.push_back(swiglu(3, {{format, 37}, {format, 37}}, 2 * block, false));
  }
  for (const Format format : kAllFormats) {
    const int block = std::max(block_of(format), 32);
    all.push_back(linear_heads(4, 1, format, 37, 2 * block, false));
    all.push_back(linear_heads(3, 70, format, 7, block, true));  // more than one batch
  }
  for (const int tokens : {1, 5, 130}) {
    all.push_back(linear_heads(20, tokens, Format::kBF16, 50, 24, false));
    all.push_back(linear_heads(1, tokens, Format::kF32, 3, 5, true));
    all.push_back(linear_heads(7, tokens, Format::kQ8_0, 33, 96, false));
  }
  for (const NamedActivation& a : named_activations()) {
    all.push_back(expand(a, 1, {{Format::kQ8_0, 40}, {Format::kQ8_0, 40}}, 64, true));
    all.push_back(expand(a, 19, {{Format::kBF16, 41}, {Format::kBF16, 41}}, 50, false));
    if (a.activation.gated) continue;
    all.push_back(expand(a, 3, {{Format::kQ8_0, 21}}, 96, true));  // an odd number of rows
    all.push_back(expand(a, 300, {{Format::kQ4_0, 5}, {Format::kQ8_0, 30}}, 64, true));
  }
  // 288 and 96: not whole spans of 256. 50, 3: not whole registers.
  for (const Format format : {Format::kQ4_0, Format::kQ8_0, Format::kIQ4_NL})
    for (const int cols : {32, 96, 288})
      all.push_back(linear("odd" + std::to_string(cols), 5, {{format, 9}}, cols, false, true));
  for (const auto& [format, cols] : {std::pair{Format::kG4_32, 288},
                                     {Format::kG4_64, 192},
                                     {Format::kG4_64, 448},
                                     {Format::kG4_128, 384},
                                     {Format::kG4_128, 640}})
    for (const int tokens : {1, 30})
      all.push_back(linear("odd" + std::to_string(cols), tokens, {{format, 21}}, cols, false, true));
  for (const Format format : {Format::kF32, Format::kF16, Format::kBF16})
    for (const int cols : {3, 50})
      all.push_back(linear("odd" + std::to_string(cols), 6, {{format, 9}}, cols, true, true));
  all.push_back(
      linear("stack", 5, {{Format::kQ4_K, 8}, {Format::kQ4_K, 3}, {Format::kQ6_K, 6}}, 512, true, true));
  all.push_back(
      linear("stack", 5, {{Format::kBF16, 5}, {Format::kQ8_0, 6}, {Format::kF32, 1}}, 96, true, true));
  all.push_back(linear("long", 700, {{Format::kQ8_0, 5}}, 64, false, true));  // more than one batch
  all.push_back(swiglu(1, {{Format::kQ4_K, 64}, {Format::kQ6_K, 64}}, 256, true));
  all.push_back(swiglu(17, {{Format::kQ8_0, 41}, {Format::kBF16, 41}}, 96, false));
  all.push_back(
      swiglu(2, {{Format::kQ8_0, 30}, {Format::kQ4_0, 50}, {Format::kQ8_0, 20}}, 64, false));  // mid-gate

  // Columns in orders of their own, and rows that are made when they are packed.
  using Part = RandomWeight::PartSpec;
  const auto ordered = [](Format format, int rows) { return Part{format, rows, false, true, true}; };
  for (const int tokens : {1, 7, 300}) {
    all.push_back(linear("ordered", tokens, {ordered(Format::kG4_64, 19)}, 320, true, false));
    all.push_back(linear("orders", tokens,
                         {ordered(Format::kG4_32, 8), {Format::kBF16, 5}, ordered(Format::kG4_128, 20)}, 384,
                         true, false));
  }
  all.push_back(
      linear("made", 3, {{Format::kQ6_K, 21, false, false, true}, {Format::kG4_64, 3}}, 512, true, true));
  all.push_back(swiglu(1, {ordered(Format::kG4_32, 40), ordered(Format::kG4_32, 40)}, 96, false));
  all.push_back(swiglu(20, {ordered(Format::kG4_128, 33), {Format::kQ8_0, 33}}, 256, false));
  return all;
}

}  // namespace ferrum::test
