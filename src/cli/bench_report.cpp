#include "cli/bench_report.h"

#include <fmt/core.h>

#include <algorithm>
#include <iterator>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/human_bytes.h"
#include "base/json.h"

namespace ferrum::cli {
namespace {

using Kind = BenchCase::Kind;

constexpr double kGiga = 1e9;
constexpr double kDrift = 0.15;  // a drift of a limit between two rows that is reported

std::string with_spread(const Spread& speed) {
  const int digits = speed.mean < 100 ? 2 : 1;
  return fmt::format("{:.{}f} ± {:.{}f}", speed.mean, digits, speed.deviation, digits);
}

std::string limits_text(const MachineLimits& m) {
  std::string text =
      fmt::format("reading {:.1f} GB/s, int8 {:.0f} GOP/s", m.read_bandwidth / kGiga, m.int8 / kGiga);
  if (m.bf16 > 0) text += fmt::format(", bf16 {:.0f} GOP/s", m.bf16 / kGiga);
  return text + fmt::format(", f32 {:.0f} GOP/s", m.f32 / kGiga);
}

// A note if a limit differed between the rows by more than noise.
std::string drift_text(std::span<const BenchRow> rows, const char* what, double (*value)(const BenchRow&)) {
  const auto [low, high] = std::minmax_element(
      rows.begin(), rows.end(), [&](const BenchRow& a, const BenchRow& b) { return value(a) < value(b); });
  if (value(*low) >= (1 - kDrift) * value(*high)) return "";
  return fmt::format("note: {} drifted between {:.1f} and {:.1f}; each row is compared with its own\n", what,
                     value(*low), value(*high));
}

Json limits_json(const BenchRow& row) {
  const MachineLimits& m = row.machine;
  return {{"read_gbps", m.read_bandwidth / kGiga},
          {"int8_gops", m.int8 / kGiga},
          {"bf16_gops", m.bf16 / kGiga},
          {"f32_gops", m.f32 / kGiga},
          {"peak", row.limit.peak}};
}

Json operations_json(const BenchRow& row) {
  Json operations = Json::array();
  for (const TimedOperation& o : by_time(row.operations))
    operations.push_back({{"operation", o.what},
                          {"calls", o.total.calls},
                          {"milliseconds", o.total.seconds * 1e3},
                          {"share", o.share},
                          {"gbps", o.bytes_per_second / kGiga}});
  return operations;
}

constexpr double kMilli = 1e3;  // milliseconds in a second

Json milliseconds_json(const Quantiles& seconds) {
  return {{"median", seconds.median * kMilli}, {"p99", seconds.p99 * kMilli}};
}

Json engine_json(const EngineFigures& f) {
  return {{"first_token_ms", milliseconds_json(f.first_token)},
          {"between_tokens_ms", milliseconds_json(f.between_tokens)},
          {"prompt_tokens_per_second", f.prompt_speed},
          {"total_tokens_per_second", f.total_speed},
          {"mean_batch", f.mean_sequences},
          {"outside_model_share", f.outside_share}};
}

std::string milliseconds(const Quantiles& seconds) {
  return fmt::format("{:.2f} ({:.2f})", seconds.median * kMilli, seconds.p99 * kMilli);
}

Json row_json(const BenchSetting& s, const BenchRow& row) {
  const Spread speed = row.speed();
  const bool is_prompt = row.task.kind == Kind::kPrompt;
  Json j = {{"model", s.model},
            {"architecture", s.architecture},
            {"format", s.format},
            {"parameters", s.parameters},
            {"weight_bytes", s.weight_bytes},
            {"load_seconds", s.load_seconds},
            {"backend", s.backend},
            {"device", s.device},
            {"isa", s.isa},
            {"products", s.products},
            {"threads", s.threads},
            {"kv_dtype", s.kv_dtype},
            {"kind", is_prompt ? "prompt" : "decode"},
            {"prompt_tokens", is_prompt ? row.task.tokens : 0},
            {"generated_tokens", is_prompt ? 0 : row.task.tokens},
            {"batch", row.task.batch},
            {"depth", row.task.depth},
            {"tokens_per_second", speed.mean},
            {"stddev", speed.deviation},
            {"median", speed.median},
            {"samples", row.samples()},
            {"gbps", row.bytes_per_second() / kGiga},
            {"gops", row.operations_per_second() / kGiga},
            {"limit_tokens_per_second", row.limit_speed()},
            {"limit_share", row.limit_share()},
            {"limited_by", row.is_bound_by_reading() ? "reading" : "arithmetic"},
            {"limits", limits_json(row)}};
  if (row.engine) j["engine"] = engine_json(*row.engine);
  if (!row.operations.empty()) j["operations"] = operations_json(row);
  return j;
}

}  // namespace

std::string label(const BenchCase& task) {
  std::string text = fmt::format("{} {}", task.kind == Kind::kPrompt ? "prompt" : "decode", task.tokens);
  if (task.batch > 1) text += fmt::format(" × {}", task.batch);
  if (task.depth > 0) text += fmt::format(" at {}", task.depth);
  return text;
}

std::string bench_table(const BenchSetting& s, std::span<const BenchRow> rows) {
  std::string text = fmt::format("{} ({}, {}), {}, {} cache\n", in_quotes(s.model), s.architecture, s.format,
                                 s.backend, s.kv_dtype);
  text += fmt::format("loaded {} in {:.2f} s ({:.2f} GB/s)\n", human_bytes(s.weight_bytes), s.load_seconds,
                      static_cast<double>(s.weight_bytes) / s.load_seconds / kGiga);
  if (s.device.empty()) text += fmt::format("products by {}\n", s.products);
  std::vector<MachineLimits> machine;
  for (const BenchRow& row : rows) machine.push_back(row.machine);
  if (s.device.empty())
    text += fmt::format("this machine: {}\n", limits_text(median_of(machine)));
  else
    text += fmt::format("device: {}\n", s.device);
  text += drift_text(rows, "GB/s of reading",
                     [](const BenchRow& row) { return row.limit.bytes_per_second / kGiga; });
  text += drift_text(rows, "GOP/s of arithmetic",
                     [](const BenchRow& row) { return row.limit.operations_per_second / kGiga; });

  text += fmt::format("\n{:<26} {:>18} {:>8} {:>8} {:>10} {:>7}\n", "", "tokens/s", "GB/s", "GOP/s", "limit",
                      "share");
  for (const BenchRow& row : rows)
    text += fmt::format("{:<26} {:>18} {:>8.2f} {:>8.1f} {:>10.1f} {:>6.1f}%  of {}\n", label(row.task),
                        with_spread(row.speed()), row.bytes_per_second() / kGiga,
                        row.operations_per_second() / kGiga, row.limit_speed(), row.limit_share() * 100,
                        row.is_bound_by_reading() ? "reading" : row.limit.peak);
  return text;
}

std::string bench_engine(std::span<const BenchRow> rows) {
  std::string text;
  for (const BenchRow& row : rows) {
    if (!row.engine) continue;
    if (text.empty())
      text = fmt::format("\n{:<26} {:>18} {:>18} {:>10} {:>10} {:>8}\n", "through the engine",
                         "first token, ms", "between tokens", "prompts/s", "batch", "outside");
    const EngineFigures& f = *row.engine;
    text += fmt::format("{:<26} {:>18} {:>18} {:>10.1f} {:>10.1f} {:>7.2f}%\n", label(row.task),
                        milliseconds(f.first_token), milliseconds(f.between_tokens), f.prompt_speed,
                        f.mean_sequences, f.outside_share * 100);
  }
  return text;
}

std::string bench_profile(std::span<const BenchRow> rows) {
  std::string text;
  for (const BenchRow& row : rows)
    if (!row.operations.empty())
      text += fmt::format("\n{}, one repetition\n{}", label(row.task), timing_table(row.operations));
  return text;
}

std::string bench_json(const BenchSetting& setting, std::span<const BenchRow> rows) {
  Json j = Json::array();
  for (const BenchRow& row : rows) j.push_back(row_json(setting, row));
  return j.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace ferrum::cli
