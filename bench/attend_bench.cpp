// How fast the CPU backend attends: prompts against the peak of float32 FMA, decoding against the bandwidth
// at which keys and values are read.
//
//   ferrum_attend_bench [--threads N] [--isa portable|avx2|avx512] [--kv f32|f16|bf16|int8]
//                       [--seconds 0.5] [--only TEXT]
#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <ctime>
#include <memory>
#include <string>
#include <vector>

#include "backend/cpu/cpu_backend.h"
#include "base/error.h"
#include "models/decoder.h"
#include "tensor/half.h"

namespace ferrum {
namespace {

using Clock = std::chrono::steady_clock;

struct Options {
  CpuOptions backend;
  DType kv = DType::kF16;
  double seconds = 0.5;
  std::string only;
};

Options parse(int argc, char** argv) {
  Options options;
  for (int i = 1; i + 1 < argc; i += 2) {
    const std::string flag = argv[i];
    const std::string value = argv[i + 1];
    if (flag == "--threads") {
      options.backend.threads = std::stoi(value);
    } else if (flag == "--isa") {
      options.backend.isa = choose_isa(value);
    } else if (flag == "--seconds") {
      options.seconds = std::stod(value);
    } else if (flag == "--only") {
      options.only = value;
    } else if (flag == "--kv") {
      for (const DType t : {DType::kF32, DType::kF16, DType::kBF16, DType::kI8})
        if (value == name_of(t)) options.kv = t;
    } else {
      fail(ErrorCode::kBadArgument, "{} is no option", in_quotes(flag));
    }
  }
  return options;
}

// Seconds of one call: the median, and the best, which on a shared machine says more about the code. What one
// thread does is timed by the processor that it gets.
struct Timing {
  double median;
  double best;
};
double now(int threads) {
  timespec time = {};
  clock_gettime(threads == 1 ? CLOCK_THREAD_CPUTIME_ID : CLOCK_MONOTONIC, &time);
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) * 1e-9;
}

template <class Call>
Timing time_of(int threads, double budget, const Call& call) {
  call();
  std::vector<double> times;
  const auto begin = Clock::now();
  while (times.size() < 5 || std::chrono::duration<double>(Clock::now() - begin).count() < budget) {
    const double start = now(threads);
    call();
    times.push_back(now(threads) - start);
  }
  std::sort(times.begin(), times.end());
  return {times[times.size() / 2], times.front()};
}

// Independent FMAs on registers: 20 chains hide their latency.
constexpr int kChains = 20;
constexpr int kFmaRounds = 20000;
#if defined(__x86_64__)
using Wide [[gnu::vector_size(64)]] = float;
using Narrow [[gnu::vector_size(32)]] = float;
#define FERRUM_FMA_LOOP(Vector, chains)                                                              \
  Vector sums[chains];                                                                               \
  for (int c = 0; c < (chains); ++c) sums[c] = Vector{} + static_cast<float>(c);                     \
  const Vector factor = Vector{} + scale;                                                            \
  for (int i = 0; i < kFmaRounds; ++i) {                                                             \
    _Pragma("GCC unroll 32") for (int c = 0; c < (chains); ++c) sums[c] = sums[c] * factor + factor; \
  }                                                                                                  \
  float total = 0;                                                                                   \
  for (int c = 0; c < (chains); ++c) total += sums[c][0];                                            \
  return total

[[gnu::target("avx512f"), gnu::optimize("O3", "fp-contract=fast")]] float fma_loop_avx512(float scale) {
  FERRUM_FMA_LOOP(Wide, kChains);
}
[[gnu::target("avx2,fma"), gnu::optimize("O3", "fp-contract=fast")]] float fma_loop_avx2(float scale) {
  FERRUM_FMA_LOOP(Narrow, 12);
}
#endif

struct Limits {
  double gflops = 0;
  double gbytes = 0;
};

Limits measure_limits(const Options& options, Isa isa, int threads) {
  Limits limits;
  ThreadPool pool(threads);
  std::vector<float> results(static_cast<size_t>(threads) * 64);
#if defined(__x86_64__)
  if (isa != Isa::kPortable) {
    const Timing t = time_of(threads, options.seconds, [&] {
      pool.on_each_worker([&](int worker) noexcept {
        results[static_cast<size_t>(worker) * 64] =
            isa == Isa::kAvx512 ? fma_loop_avx512(0.5f) : fma_loop_avx2(0.5f);
      });
    });
    const double flops = 2.0 * kFmaRounds * (isa == Isa::kAvx512 ? kChains * 16 : 12 * 8) * threads;
    limits.gflops = flops / t.best / 1e9;
  }
#endif
  constexpr size_t kPiece = size_t{1} << 20;  // of 8 bytes
  std::vector<uint64_t> data(kPiece * 32, 1);
  size_t piece = 0;
  const Timing t = time_of(threads, options.seconds, [&] {
    const uint64_t* from = data.data() + piece++ % 32 * kPiece;
    pool.parallel_for(kPiece, [&](int64_t begin, int64_t end, int worker) noexcept {
      uint64_t sum[4] = {};
      for (int64_t i = begin; i + 4 <= end; i += 4)
        for (int k = 0; k < 4; ++k) sum[k] += from[i + k];
      results[static_cast<size_t>(worker) * 64] += static_cast<float>(sum[0] + sum[1] + sum[2] + sum[3]);
    });
  });
  limits.gbytes = kPiece * 8 / t.best / 1e9;
  std::printf("%d threads: float32 FMA %.0f GFLOP/s, reading %.1f GB/s (best; %g)\n", threads, limits.gflops,
              limits.gbytes, static_cast<double>(results[0]));
  std::printf("%-34s %10s %10s %8s %6s %8s %6s\n", "", "median us", "best us", "GFLOP/s", "peak", "GB/s",
              "peak");
  return limits;
}

struct Case {
  HeadShape heads;
  int sequences;
  int past;
  int now;
  int layers;  // taken in turns, so that decoding finds its keys in memory and not in a cache
};

class Attention {
 public:
  Attention(CpuBackend& backend, const Case& c, DType kv) : backend_(backend), case_(c) {
    const int context = c.past + c.now;
    const int pages = (context + kPage - 1) / kPage;
    const int tokens = c.sequences * c.now;
    for (int l = 0; l < c.layers; ++l) {
      const Tensor k = tensor(kv, c.sequences * pages * kPage, c.heads.kv_width());
      const Tensor v = tensor(kv, c.sequences * pages * kPage, c.heads.kv_width());
      layers_.push_back({k, v, kPage});
      if (kv == DType::kI8)
        for (Tensor* scales : {&layers_.back().k_scales, &layers_.back().v_scales})
          *scales = tensor(DType::kF32, k.rows, c.heads.kv_heads);
    }
    qkv_ = tensor(DType::kF32, tokens, c.heads.qkv_width());
    out_ = tensor(DType::kF32, tokens, c.heads.q_width());
    fill(qkv_);
    step_.shape = {tokens, c.sequences, c.sequences};
    step_.positions = tensor(DType::kI32, tokens, 1);
    step_.kv_slots = tensor(DType::kI32, tokens, 1);
    step_.block_table = tensor(DType::kI32, c.sequences, pages);
    step_.query_start = tensor(DType::kI32, c.sequences + 1, 1);
    step_.context_len = tensor(DType::kI32, c.sequences, 1);
    for (int s = 0; s < c.sequences; ++s) {
      for (int p = 0; p < pages; ++p) *step_.block_table.at<int32_t>(s, p) = (p * 7 + 3) % pages + s * pages;
      *step_.query_start.at<int32_t>(s + 1) = (s + 1) * c.now;
      *step_.context_len.at<int32_t>(s) = context;
      for (int t = 0; t < c.now; ++t) {
        const int position = c.past + t;
        *step_.positions.at<int32_t>(s * c.now + t) = position;
        *step_.kv_slots.at<int32_t>(s * c.now + t) =
            *step_.block_table.at<int32_t>(s, position / kPage) * kPage + position % kPage;
      }
    }
    layer_.heads = c.heads;
    const Tensor table = tensor(DType::kF32, context, c.heads.head_dim);
    for (int p = 0; p < context; ++p) {
      for (int i = 0; i < c.heads.head_dim / 2; ++i) {
        *table.at<float>(p, i) = std::cos(static_cast<float>(p * i));
        *table.at<float>(p, i + c.heads.head_dim / 2) = std::sin(static_cast<float>(p * i));
      }
    }
    layer_.rope = {table, RopePairing::kHalves};
    layer_.q_norm = layer_.k_norm = tensor(DType::kF32, 1, c.heads.head_dim);
    for (int i = 0; i < c.heads.head_dim; ++i) *layer_.q_norm.at<float>(0, i) = 1;
    layer_.norm_eps = 1e-6f;
    layer_.scale = 1.0f / std::sqrt(static_cast<float>(c.heads.head_dim));
    for (const KvLayer& layer : layers_)
      for (const Tensor& t : {layer.k, layer.v, layer.k_scales, layer.v_scales}) fill(t);
  }

  void attend() { backend_.attend(out_, qkv_, layers_[next_++ % layers_.size()], step_, layer_); }
  void store() { backend_.rope_and_store(qkv_, layers_[next_++ % layers_.size()], step_, layer_); }

  double flops() const {
    double keys = 0;
    for (int t = 0; t < case_.now; ++t) keys += case_.past + t + 1;
    return keys * 4 * case_.heads.q_width() * case_.sequences;
  }
  double bytes() const {
    return static_cast<double>(case_.past + case_.now) * case_.sequences *
           static_cast<double>(kv_bytes_of_token(case_.heads, layers_[0].k.dtype));
  }

 private:
  static constexpr int kPage = 16;

  Tensor tensor(DType dtype, int rows, int cols) {
    buffers_.push_back(
        backend_.allocate(static_cast<size_t>(rows) * static_cast<size_t>(cols) * size_of(dtype)));
    return {buffers_.back()->data(), dtype, rows, cols, cols};
  }
  // About normal, as a trained model's are after its norms.
  void fill(Tensor t) {
    const auto uniform = [this] {
      state_ = state_ * 6364136223846793005u + 1442695040888963407u;
      return static_cast<float>(state_ >> 40) * 0x1p-23f - 1;
    };
    const int64_t count = static_cast<int64_t>(t.rows) * t.cols;
    for (int64_t i = 0; i < count; ++i) {
      const float value = uniform() + uniform() + uniform();
      if (t.dtype == DType::kF32)
        static_cast<float*>(t.data)[i] = value;
      else if (t.dtype == DType::kI8)
        static_cast<int8_t*>(t.data)[i] = static_cast<int8_t>(value * 42);
      else
        static_cast<uint16_t*>(t.data)[i] =
            t.dtype == DType::kF16 ? f16_from_float(value) : bf16_from_float(value);
    }
  }

  CpuBackend& backend_;
  Case case_;
  std::vector<std::unique_ptr<Buffer>> buffers_;
  std::vector<KvLayer> layers_;
  Tensor qkv_, out_;
  Step step_;
  AttentionLayer layer_;
  size_t next_ = 0;
  uint64_t state_ = 1;
};

void measure(const Options& options, CpuBackend& backend, const Limits& limits, const Case& c) {
  const std::string name = fmt::format("{}/{}x{} {} x {} after {}", c.heads.q_heads, c.heads.kv_heads,
                                       c.heads.head_dim, c.sequences, c.now, c.past);
  if (name.find(options.only) == std::string::npos) return;
  Attention attention(backend, c, options.kv);
  const Timing stored = time_of(backend.threads(), options.seconds / 4, [&] { attention.store(); });
  const Timing t = time_of(backend.threads(), options.seconds, [&] { attention.attend(); });
  const double gflops = attention.flops() / t.best / 1e9;
  const double gbytes = attention.bytes() / t.best / 1e9;
  std::printf("%-34s %10.1f %10.1f %8.1f %5.0f%% %8.2f %5.0f%%   store %.1f us, best %.1f\n", name.c_str(),
              t.median * 1e6, t.best * 1e6, gflops, 100 * gflops / limits.gflops, gbytes,
              100 * gbytes / limits.gbytes, stored.median * 1e6, stored.best * 1e6);
  std::fflush(stdout);
}

void run(const Options& options) {
  CpuBackend backend(options.backend);
  std::printf("%s, %s\n", backend.name().c_str(), std::string(name_of(options.kv)).c_str());
  const Limits limits = measure_limits(options, backend.isa(), backend.threads());
  for (const HeadShape heads : {HeadShape{16, 8, 128}, HeadShape{32, 8, 64}, HeadShape{32, 4, 128}}) {
    for (const int prompt : {512, 2048, 4096}) measure(options, backend, limits, {heads, 1, 0, prompt, 1});
    for (const int past : {511, 4095, 16383}) {
      const int layers = std::max(1, (128 << 20) / (past * heads.kv_width() * 4));
      measure(options, backend, limits, {heads, 1, past, 1, layers});
    }
    measure(options, backend, limits, {heads, 8, 1023, 1, 4});
  }
}

}  // namespace
}  // namespace ferrum

int main(int argc, char** argv) {
  try {
    ferrum::run(ferrum::parse(argc, argv));
    return 0;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "ferrum_attend_bench: %s\n", error.what());
    return 1;
  }
}
