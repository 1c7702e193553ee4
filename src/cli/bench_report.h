// The report of `ferrum bench`: a table, JSON or a chart.
#pragma once
#include <span>
#include <string>

#include "engine/measure/bench_row.h"

namespace ferrum::cli {

// The measured model and machine.
struct BenchSetting {
  std::string model;  // its name
  std::string architecture;
  std::string format;  // "GGUF v3, Q4_K_M"
  int64_t parameters = 0;
  uint64_t weight_bytes = 0;
  double load_seconds = 0;
  std::string backend;  // "cpu (avx512, 2 threads, int8 activations)"
  std::string device;   // that computes, with its limits; empty: the CPU
  std::string isa;
  std::string products;  // base/isa_choice.h
  int threads = 0;
  std::string kv_dtype;
};

// "prompt 512", "decode 128 × 4 at 4096"
std::string label(const BenchCase& task);

std::string bench_table(const BenchSetting& setting, std::span<const BenchRow> rows);
// Rows that went through the engine: medians (and 99th percentiles) in milliseconds, tokens/s of prompts,
// sequences in a step, and the share of decoding time outside the model.
std::string bench_engine(std::span<const BenchRow> rows);
// The operations of profiled rows by time.
std::string bench_profile(std::span<const BenchRow> rows);
// An array with an object for each row.
std::string bench_json(const BenchSetting& setting, std::span<const BenchRow> rows);
// Bars of tokens/s with the limit above each; prompts and decoding in separate panels.
std::string bench_svg(const BenchSetting& setting, std::span<const BenchRow> rows);

}  // namespace ferrum::cli
