// cuda_kernel_table [USAGE]: what each kernel moves and computes, as a table for docs/cuda.md. Operations of
// the size of a layer run on the emulated device, with their traffic counted. USAGE is what ptxas says of the
// kernels' registers:
//   nvcc -std=c++20 -O3 --expt-relaxed-constexpr -arch=sm_90a -cubin -Xptxas -v -I src -o /dev/null
//   KERNELS.cu 2> USAGE
//
// What is predicted is a lower bound: the longest of the times for the memory that a launch touches, for its
// products on tensor cores, and for its waves through the banks of shared memory, on a device of which the
// sheet's figures are true. Latency, other arithmetic and the launch itself are left out.
#include <fstream>
#include <map>
#include <regex>

#include "backend/block_step.h"
#include "cuda_fixture.h"

namespace ferrum::test {
namespace {

using gpu::emulated::counts;
using gpu::emulated::Counts;

struct DeviceSheet {
  const char* name;
  double bytes_per_second, products_per_second;  // operations of bf16 with sums in float32, dense
  double clock;                                  // boost
  int multiprocessors, warps, shared_bytes;      // of a multiprocessor: warps, and bytes
};
// NVIDIA's data sheets of H100 SXM, H200 SXM and GeForce RTX 4090, and the Programming Guide's table of
// capabilities.
constexpr DeviceSheet kSheets[] = {{"H100", 3.35e12, 989e12, 1.98e9, 132, 64, 233472},
                                   {"H200", 4.8e12, 989e12, 1.98e9, 132, 64, 233472},
                                   {"RTX 4090", 1.008e12, 165e12, 2.52e9, 128, 48, 102400}};
constexpr double kProductOperations = 2.0 * 16 * 8 * 16;

// The largest of a kernel's launches in what was run.
struct Launched {
  int blocks = 0, threads = 0, shared_bytes = 0;
  Counts counts = {};
};
std::map<std::string, Launched> launches;

void observe(const gpu::emulated::Kernel& kernel, gpu::Index grid, int threads, int shared_bytes) {
  Launched& l = launches[kernel.name];
  const Counts now = counts();
  if (now.global_bytes > l.counts.global_bytes) l = {grid.x * grid.y * grid.z, threads, shared_bytes, now};
  gpu::emulated::reset_counts();
}

std::map<std::string, int> registers_in(const char* file) {
  std::map<std::string, int> all;
  std::ifstream in(file);
  const std::regex entry("Compiling entry function '([^']+)'"), used("Used ([0-9]+) registers");
  std::string name;
  for (std::string line; std::getline(in, line);) {
    std::smatch match;
    if (std::regex_search(line, match, entry)) name = match[1];
    if (std::regex_search(line, match, used)) all[name] = std::stoi(match[1]);
  }
  return all;
}

// Warps that share a multiprocessor, of as many as it takes. Registers are given out in units of 256 to a
// warp, and a block's shared memory takes 1 KiB beside its own.
int resident_warps(const DeviceSheet& d, const Launched& l, int registers) {
  const int warps = (l.threads + 31) / 32;
  int blocks = d.warps / warps;
  if (registers > 0) blocks = std::min(blocks, 65536 / ((registers * 32 + 255) / 256 * 256) / warps);
  blocks = std::min(blocks, d.shared_bytes / (l.shared_bytes + 1024));
  return std::min(blocks, 32) * warps;
}

struct Bound {
  double seconds;
  const char* by;
};
Bound bound_of(const DeviceSheet& d, const Counts& c) {
  const auto waves = static_cast<double>(c.shared_waves + c.matrix_waves);
  return std::max(
      {Bound{static_cast<double>(c.global_bytes) / d.bytes_per_second, "memory"},
       Bound{static_cast<double>(c.products) * kProductOperations / d.products_per_second, "products"},
       Bound{waves / d.multiprocessors / d.clock, "banks"}},
      [](const Bound& a, const Bound& b) { return a.seconds < b.seconds; });
}

std::string row_of(const std::string& kernel, const Launched& l, int registers) {
  const Counts& c = l.counts;
  const auto waves = c.shared_waves + c.matrix_waves, phases = c.shared_phases + c.matrix_phases;
  std::string row =
      fmt::format("| {} | {} | {} × {} | {} | {}, {} |", kernel,
                  registers > 0 ? std::to_string(registers) : "?", l.blocks, l.threads, l.shared_bytes,
                  resident_warps(kSheets[0], l, registers), resident_warps(kSheets[2], l, registers));
  row += fmt::format(" {:.1f} | {:.1f} | {} |", static_cast<double>(c.global_bytes) / 1024,
                     static_cast<double>(c.products) * kProductOperations / 1e6,
                     phases == 0 ? "none"
                                 : fmt::format("{} ({:.2f})", waves,
                                               static_cast<double>(waves) / static_cast<double>(phases)));
  for (const DeviceSheet& d : kSheets) row += fmt::format(" {:.2f}", bound_of(d, c).seconds * 1e6);
  return row + fmt::format(", {} |\n", bound_of(kSheets[0], c).by);
}

// Products of a weight of 1,024 × 4,096 with one token and with 32; rows of an embedding.
void run_products(CudaBackend& backend) {
  for (const Format format : kAllFormats) {
    Bench bench(backend);
    const RandomWeight random(format, 1024, 4096, 1);
    const Weight& w = bench.weight(random);
    for (const int tokens : {1, 32}) {
      const Tensor out = bench.tensor(DType::kF32, tokens, 1024);
      backend.linear(out, bench.random(tokens, 4096, 2), w);
    }
    if (format == Format::kQ4_K) {
      const Tensor tokens = bench.integers(std::vector<int32_t>(32, 7), 32);
      backend.embed(bench.tensor(DType::kF32, 32, 4096), w, tokens);
    }
    backend.synchronize();
  }
}

// 32 heads over 8 of keys, of 128 values: a prompt of 128 tokens; four sequences that decode at 1,040 tokens.
void run_attention(CudaBackend& backend) {
  const HeadShape heads = {32, 8, 128};
  for (const DType kv_type : {DType::kF16, DType::kBF16, DType::kI8, DType::kF32})
    for (const bool decodes : {false, true}) {
      Bench bench(backend);
      constexpr int kBlock = 16;
      std::vector<SequencePart> parts;
      const int sequences = decodes ? 4 : 1, blocks = decodes ? 65 : 8;
      for (int s = 0; s < sequences; ++s) {
        SequencePart part = {decodes ? blocks * kBlock - 1 : 0, decodes ? 1 : blocks * kBlock, {}};
        for (int b = 0; b < blocks; ++b) part.blocks.push_back(s * blocks + b);
        parts.push_back(part);
      }
      const Step step = make_step(bench, kBlock, parts);
      const KvLayer kv = random_blocks(bench, kv_type, kBlock, sequences * blocks, heads);
      AttentionLayer layer;
      layer.heads = heads;
      layer.scale = 0.09f;
      layer.rope = {rotation_table(bench, blocks * kBlock, 128), RopePairing::kHalves};
      const Tensor qkv = bench.random(step.shape.tokens, heads.qkv_width(), 3);
      backend.rope_and_store(qkv, kv, step, layer);
      backend.attend(bench.tensor(DType::kF32, step.shape.tokens, heads.out_width()), qkv, kv, step, layer);
      backend.synchronize();
    }
}

// What else a layer and a step have: the operations of the table that all backends share.
void run_others(CudaBackend& backend) {
  for (const Operation& operation : all_operations()) {
    bool is_one = false;
    for (const char* of : {"norm/", "add/", "scale/", "apply_gate/", "gather_rows/", "scatter_rows/", "pool/",
                           "activate/", "route/", "experts/many", "draw/all_filters/1000", "convolve/",
                           "delta_rule/", "state_space/", "add_low_rank/bf16", "copy_"})
      is_one = is_one || operation.name.starts_with(of);
    if (!is_one) continue;
    Bench bench(backend);
    operation.prepare(bench);
    bench.run();
    backend.synchronize();
  }
}

int print_table(const char* usage) {
  const std::map<std::string, int> registers =
      usage == nullptr ? std::map<std::string, int>() : registers_in(usage);
  const auto backend = emulated_backend();
  gpu::emulated::set_options({.counts_traffic = true});
  gpu::emulated::set_observer(observe);
  run_products(*backend);
  run_attention(*backend);
  run_others(*backend);
  gpu::emulated::set_observer(nullptr);
  fmt::print(
      "| kernel | registers | blocks × threads | shared bytes | resident warps, H100, RTX 4090 | KiB touched "
      "| "
      "millions of operations on tensor cores | waves through banks (of a phase) | µs at least, H100, H200, "
      "RTX 4090 |\n"
      "|---|---|---|---|---|---|---|---|---|\n");
  for (const auto& [kernel, launch] : launches) {
    const auto found = registers.find(kernel);
    fmt::print("{}", row_of(kernel, launch, found == registers.end() ? 0 : found->second));
  }
  return 0;
}

}  // namespace
}  // namespace ferrum::test

int main(int argc, char** argv) { return ferrum::test::print_table(argc > 1 ? argv[1] : nullptr); }
