// How fast the CPU backend multiplies: linear over random weights, for formats, shapes and batch sizes.
//
//   ferrum_bench [--threads N] [--isa portable|avx2|avx512] [--format Q4_K] [--seconds 0.3] [--float32]
//
// For one token the limit is the bandwidth at which weights are read, so weights are taken in turns from a
// set too large for the caches; the first line is what plain reading reaches. For many tokens it is
// arithmetic: GMAC/s.
#include <algorithm>
#include <charconv>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <numeric>
#include <string>
#include <vector>

#include "backend/cpu/cpu_backend.h"
#include "base/error.h"
#include "tensor/formats/random_blocks.h"

namespace ferrum {
namespace {

using Clock = std::chrono::steady_clock;

struct Options {
  CpuOptions backend;
  std::vector<Format> formats = {Format::kQ8_0, Format::kQ4_0,   Format::kQ4_K, Format::kQ5_K,
                                 Format::kQ6_K, Format::kIQ4_XS, Format::kBF16, Format::kF32};
  double seconds = 0.3;
};

int to_number(const std::string& text) {
  int value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || *end != 0) fail(ErrorCode::kBadArgument, "{} is no number", in_quotes(text));
  return value;
}

Options parse(int argc, char** argv) {
  Options options;
  for (int i = 1; i < argc; ++i) {
    const std::string flag = argv[i];
    if (flag == "--float32") {
      options.backend.activations = cpu::Activations::kFloat32;
      continue;
    }
    if (i + 1 == argc) fail(ErrorCode::kBadArgument, "{} is no option, or lacks its value", in_quotes(flag));
    const std::string value = argv[++i];
    if (flag == "--threads") {
      options.backend.threads = to_number(value);
    } else if (flag == "--isa") {
      options.backend.isa = choose_isa(value);
    } else if (flag == "--seconds") {
      options.seconds = std::stod(value);
    } else if (flag == "--format") {
      const auto format = format_named(value);
      if (!format) fail(ErrorCode::kBadArgument, "{} is no format", in_quotes(value));
      options.formats = {*format};
    } else {
      fail(ErrorCode::kBadArgument, "{} is no option", in_quotes(flag));
    }
  }
  return options;
}

// Seconds of one call, over as many as fit into the time, at least five. On a machine that others use as
// well, only the best says something about the code.
struct Timing {
  double median;
  double best;
};
template <class Call>
Timing time_of(double budget, const Call& call) {
  call();
  std::vector<double> times;
  const auto begin = Clock::now();
  while (times.size() < 5 || std::chrono::duration<double>(Clock::now() - begin).count() < budget) {
    const auto start = Clock::now();
    call();
    times.push_back(std::chrono::duration<double>(Clock::now() - start).count());
  }
  std::sort(times.begin(), times.end());
  return {times[times.size() / 2], times.front()};
}

// Plain reading in turns of pieces that no cache keeps, as the weights below are read.
void measure_reading(const Options& options, int threads) {
  constexpr size_t kPiece = size_t{1} << 20;  // of 8 bytes each
  std::vector<uint64_t> data(kPiece * 32, 1);
  ThreadPool pool(threads);
  std::vector<uint64_t> sums(static_cast<size_t>(threads));
  size_t piece = 0;
  const Timing timing = time_of(options.seconds, [&] {
    const uint64_t* from = data.data() + piece++ % 32 * kPiece;
    pool.parallel_for(kPiece, [&](int64_t begin, int64_t end, int worker) noexcept {
      uint64_t sum[4] = {};
      for (int64_t i = begin; i + 4 <= end; i += 4)
        for (int k = 0; k < 4; ++k) sum[k] += from[i + k];
      sums[static_cast<size_t>(worker)] += sum[0] + sum[1] + sum[2] + sum[3];
    });
  });
  constexpr double kBytes = kPiece * sizeof(uint64_t);
  std::printf("reading memory with %d threads: median %.1f GB/s, best %.1f GB/s (%llu)\n", threads,
              kBytes / timing.median / 1e9, kBytes / timing.best / 1e9,
              static_cast<unsigned long long>(sums[0] % 10));  // so that the sums are needed
  std::printf("%-30s %10s %10s %7s %7s\n", "", "median us", "best us", "GB/s", "GMAC/s");
}

void measure(const Options& options, CpuBackend& backend, Format format, int rows, int cols) {
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
  for (const int tokens : {1, 4, 16, 512}) {
    const auto x = backend.allocate(static_cast<size_t>(tokens) * static_cast<size_t>(cols) * 4);
    const auto out = backend.allocate(static_cast<size_t>(tokens) * static_cast<size_t>(rows) * 4);
    const Tensor x_tensor = {x->data(), DType::kF32, tokens, cols, cols};
    const Tensor out_tensor = {out->data(), DType::kF32, tokens, rows, rows};
    for (int i = 0; i < tokens * cols; ++i)
      static_cast<float*>(x->data())[i] = static_cast<float>(i % 13 - 6);
    size_t next = 0;
    const Timing timing =
        time_of(options.seconds, [&] { backend.linear(out_tensor, x_tensor, *weights[next++ % count]); });
    const std::string what = fmt::format("{} {} x {}, {} tokens", name_of(format), rows, cols, tokens);
    std::printf("%-30s %10.1f %10.1f %7.1f %7.1f\n", what.c_str(), timing.median * 1e6, timing.best * 1e6,
                static_cast<double>(bytes) / timing.best / 1e9,
                static_cast<double>(rows) * cols * tokens / timing.best / 1e9);
  }
}

void run(const Options& options) {
  CpuBackend backend(options.backend);
  std::printf("%s\n", backend.name().c_str());
  measure_reading(options, backend.threads());
  for (const Format format : options.formats)
    for (const auto& [rows, cols] : {std::pair{4096, 1024}, std::pair{1024, 3072}})
      measure(options, backend, format, rows, cols);
}

}  // namespace
}  // namespace ferrum

int main(int argc, char** argv) {
  try {
    ferrum::run(ferrum::parse(argc, argv));
    return 0;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "ferrum_bench: %s\n", error.what());
    return 1;
  }
}
