// How fast the CPU backend attends: prompts against the peak of float32 FMA, decoding against the bandwidth
// at which keys and values are read.
//
//   ferrum_attend_bench [--threads N] [--isa portable|avx2|avx512] [--kv f32|f16|bf16|int8]
//                       [--seconds 0.4] [--only TEXT]
#include <cmath>
#include <memory>

#include "bench/measure.h"
#include "engine/backend_factory.h"
#include "models/decoder.h"
#include "tensor/half.h"

namespace ferrum::bench {
namespace {

struct AttendOptions : Options {
  DType kv = DType::kF16;
  std::string only;
};

AttendOptions parse(int argc, char** argv) {
  AttendOptions options;
  bench::parse(argc, argv, options, [&](const std::string& flag, const std::string& value) {
    if (flag == "--only") {
      options.only = value;
    } else if (flag == "--kv") {
      options.kv = parse_kv_dtype(value);
    } else {
      return false;
    }
    return true;
  });
  return options;
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
    const int blocks = (context + kBlock - 1) / kBlock;
    const int tokens = c.sequences * c.now;
    for (int l = 0; l < c.layers; ++l) {
      const Tensor k = tensor(kv, c.sequences * blocks, kBlock * c.heads.k_width());
      const Tensor v = tensor(kv, c.sequences * blocks * kBlock, c.heads.v_width());
      layers_.push_back({k, v, kBlock});
      if (kv == DType::kI8)
        for (Tensor* scales : {&layers_.back().k_scales, &layers_.back().v_scales})
          *scales = tensor(DType::kF32, v.rows, c.heads.kv_heads);
    }
    qkv_ = tensor(DType::kF32, tokens, c.heads.qkv_width());
    out_ = tensor(DType::kF32, tokens, c.heads.q_width());
    fill(qkv_);
    step_.shape = {tokens, c.sequences, c.sequences};
    step_.positions = tensor(DType::kI32, tokens, 1);
    step_.kv[0].slots = tensor(DType::kI32, tokens, 1);
    step_.kv[0].block_table = tensor(DType::kI32, c.sequences, blocks);
    step_.query_start = tensor(DType::kI32, c.sequences + 1, 1);
    step_.context_len = tensor(DType::kI32, c.sequences, 1);
    for (int s = 0; s < c.sequences; ++s) {
      for (int p = 0; p < blocks; ++p)
        *step_.kv[0].block_table.at<int32_t>(s, p) = (p * 7 + 3) % blocks + s * blocks;
      *step_.query_start.at<int32_t>(s + 1) = (s + 1) * c.now;
      *step_.context_len.at<int32_t>(s) = context;
      for (int t = 0; t < c.now; ++t) {
        const int position = c.past + t;
        *step_.positions.at<int32_t>(s * c.now + t) = position;
        *step_.kv[0].slots.at<int32_t>(s * c.now + t) =
            *step_.kv[0].block_table.at<int32_t>(s, position / kBlock) * kBlock + position % kBlock;
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
    const Tensor ones = tensor(DType::kF32, 1, c.heads.head_dim);
    for (int i = 0; i < c.heads.head_dim; ++i) *ones.at<float>(0, i) = 1;
    layer_.q_norm = layer_.k_norm = {.kind = Norm::Kind::kRms, .weight = ones, .eps = 1e-6f};
    layer_.scale = 1.0f / std::sqrt(static_cast<float>(c.heads.head_dim));
    for (const KvLayer& layer : layers_)
      for (const Tensor& t : {layer.k, layer.v, layer.k_scales, layer.v_scales}) fill(t);
  }

  void attend() { backend_.attend(out_, qkv_, layers_[next_++ % layers_.size()], step_, layer_); }
  void store() { backend_.rope_and_store(qkv_, layers_[next_++ % layers_.size()], step_, layer_); }

  double operations() const {
    double keys = 0;
    for (int t = 0; t < case_.now; ++t) keys += case_.past + t + 1;
    return keys * 4 * case_.heads.q_width() * case_.sequences;
  }
  double bytes() const {
    return static_cast<double>(case_.past + case_.now) * case_.sequences *
           static_cast<double>(kv_bytes_of_token(case_.heads, layers_[0].k.dtype));
  }

 private:
  static constexpr int kBlock = 16;

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

void measure(const AttendOptions& options, CpuBackend& backend, Limits& limits, const Case& c) {
  const std::string name = fmt::format("{}/{}x{} {} x {} after {}", c.heads.q_heads, c.heads.kv_heads,
                                       c.heads.head_dim, c.sequences, c.now, c.past);
  if (name.find(options.only) == std::string::npos) return;
  Attention attention(backend, c, options.kv);
  const Timing stored = time_of(backend.threads(), options.seconds / 4, [&] { attention.store(); });
  const Timing t = time_of(backend.threads(), options.seconds, [&] { attention.attend(); });
  const MachineLimits& limit = limits.measure();
  const double operations = attention.operations() / t.best;
  const double bytes = attention.bytes() / t.best;
  std::printf("%-34s %10.1f %10.1f %8.1f %5.0f%% %8.2f %5.0f%%   store %.1f us, best %.1f\n", name.c_str(),
              t.median * 1e6, t.best * 1e6, operations / 1e9, 100 * operations / limit.f32, bytes / 1e9,
              100 * bytes / limit.read_bandwidth, stored.median * 1e6, stored.best * 1e6);
  std::fflush(stdout);
}

void run(const AttendOptions& options) {
  CpuBackend backend(options.backend);
  Limits limits(backend);
  print(backend, limits.measure());
  std::printf("%s cache\n", std::string(name_of(options.kv)).c_str());
  std::printf("%-34s %10s %10s %8s %6s %8s %6s\n", "", "median us", "best us", "GOP/s", "of f32", "GB/s",
              "limit");
  for (const HeadShape heads : {HeadShape{16, 8, 128}, HeadShape{32, 8, 64}, HeadShape{32, 4, 128}}) {
    for (const int prompt : {512, 2048, 4096}) measure(options, backend, limits, {heads, 1, 0, prompt, 1});
    for (const int past : {511, 4095, 16383}) {
      const int layers = std::max(1, (128 << 20) / (past * heads.k_width() * 4));
      measure(options, backend, limits, {heads, 1, past, 1, layers});
    }
    measure(options, backend, limits, {heads, 8, 1023, 1, 4});
  }
}

}  // namespace
}  // namespace ferrum::bench

int main(int argc, char** argv) {
  using namespace ferrum::bench;
  return run_main("ferrum_attend_bench", [&] { run(parse(argc, argv)); });
}
