// How fast the CPU backend multiplies: linear over random weights, for formats, shapes and batch sizes.
//
//   ferrum_bench [--threads N] [--isa portable|avx2|avx512] [--format Q4_K] [--seconds 0.4]
//                [--activations int8|bf16|f32] [--tokens 1,4,16,512] [--shape 4096x1024]
//
// For one token the limit is the bandwidth at which weights are read, so weights are taken in turns from a
// set too large for the caches. For many tokens it is arithmetic, a multiply-add counted as two operations.
#include <sstream>

#include "bench/measure.h"
#include "tensor/formats/random_blocks.h"

namespace ferrum::bench {
namespace {

struct LinearOptions : Options {
  std::vector<Format> formats = {Format::kQ8_0, Format::kQ4_0,   Format::kQ4_K,  Format::kQ5_K,
                                 Format::kQ6_K, Format::kIQ4_XS, Format::kG4_32, Format::kG4_128,
                                 Format::kBF16, Format::kF32};
  std::vector<int> tokens = {1, 4, 16, 512};
  std::vector<std::pair<int, int>> shapes = {{4096, 1024}, {1024, 3072}};  // rows, columns
};

std::vector<int> numbers_of(const std::string& list, char between) {
  std::vector<int> numbers;
  std::istringstream in(list);
  for (std::string number; std::getline(in, number, between);) numbers.push_back(to_number<int>(number));
  return numbers;
}

LinearOptions parse(int argc, char** argv) {
  LinearOptions options;
  bench::parse(argc, argv, options, [&](const std::string& flag, const std::string& value) {
    if (flag == "--format") {
      const auto format = format_named(value);
      if (!format) fail(ErrorCode::kBadArgument, "{} is no format", in_quotes(value));
      options.formats = {*format};
    } else if (flag == "--tokens") {
      options.tokens = numbers_of(value, ',');
    } else if (flag == "--shape") {
      const std::vector<int> shape = numbers_of(value, 'x');
      if (shape.size() != 2) fail(ErrorCode::kBadArgument, "{} is no shape", in_quotes(value));
      options.shapes = {{shape[0], shape[1]}};
    } else if (flag == "--activations") {
      if (value == "int8")
        options.backend.activations = cpu::Activations::kInt8;
      else if (value == "bf16")
        options.backend.activations = cpu::Activations::kBf16;
      else if (value == "f32")
        options.backend.activations = cpu::Activations::kFloat32;
      else
        fail(ErrorCode::kBadArgument, "{} are no activations", in_quotes(value));
    } else {
      return false;
    }
    return true;
  });
  return options;
}

void measure(const LinearOptions& options, CpuBackend& backend, Format format, int rows, int cols) {
  constexpr size_t kSetBytes = size_t{256} << 20;
  const size_t bytes = row_bytes(format, static_cast<size_t>(rows) * static_cast<size_t>(cols));
  const size_t count = std::max<size_t>(2, kSetBytes / bytes);
  std::vector<std::byte> stored(count * bytes);
  formats::RandomBlocks(format, 1.0f, {1, "bench"}).fill(stored, 0);
  std::vector<std::unique_ptr<Weight>> weights;
  for (size_t i = 0; i < count; ++i) {
    WeightSource source;
    source.parts = {{{"bench", format, {rows, cols}, std::span(stored).subspan(i * bytes, bytes)}}};
    weights.push_back(backend.pack(source));
  }
  for (const int tokens : options.tokens) {
    const auto x = backend.allocate(static_cast<size_t>(tokens) * static_cast<size_t>(cols) * 4);
    const auto out = backend.allocate(static_cast<size_t>(tokens) * static_cast<size_t>(rows) * 4);
    const Tensor x_tensor = {x->data(), DType::kF32, tokens, cols, cols};
    const Tensor out_tensor = {out->data(), DType::kF32, tokens, rows, rows};
    for (int i = 0; i < tokens * cols; ++i)
      static_cast<float*>(x->data())[i] = static_cast<float>(i % 13 - 6);
    size_t next = 0;
    const Timing timing = time_of(backend.threads(), options.seconds,
                                  [&] { backend.linear(out_tensor, x_tensor, *weights[next++ % count]); });
    const std::string what = fmt::format("{} {} x {}, {} tokens", name_of(format), rows, cols, tokens);
    std::printf("%-30s %10.1f %10.1f %7.1f %7.1f\n", what.c_str(), timing.median * 1e6, timing.best * 1e6,
                static_cast<double>(bytes) / timing.best / 1e9,
                2.0 * rows * cols * tokens / timing.best / 1e9);
  }
}

void run(const LinearOptions& options) {
  CpuBackend backend(options.backend);
  print(backend, Limits(backend).measure());
  std::printf("%-30s %10s %10s %7s %7s\n", "", "median us", "best us", "GB/s", "GOP/s");
  for (const Format format : options.formats)
    for (const auto& [rows, cols] : options.shapes) measure(options, backend, format, rows, cols);
}

}  // namespace
}  // namespace ferrum::bench

int main(int argc, char** argv) {
  using namespace ferrum::bench;
  return run_main("ferrum_bench", [&] { run(parse(argc, argv)); });
}
