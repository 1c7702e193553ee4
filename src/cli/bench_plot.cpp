// Charts of `ferrum bench`: a panel for prompts and one for decoding, a bar for each row with its deviation,
// and the limit as a line above.
#include <fmt/core.h>

#include <algorithm>

#include "cli/bar_chart.h"
#include "cli/bench_report.h"

namespace ferrum::cli {
namespace {

using Kind = BenchCase::Kind;

Bar bar_of(const BenchRow& row) {
  const BenchCase& task = row.task;
  const Spread speed = row.speed();
  Bar bar = {.value = speed.mean,
             .low = std::max(0.0, speed.mean - speed.deviation),
             .high = speed.mean + speed.deviation,
             .limit = Bar::Limit{row.limit_speed(), fmt::format("{:.0f}%", row.limit_share() * 100)},
             .labels = {task.kind == Kind::kPrompt ? fmt::format("{}", task.tokens)
                                                   : fmt::format("{} × {}", task.tokens, task.batch),
                        bar_label(speed.mean)}};
  if (task.depth > 0) bar.labels.push_back(fmt::format("at {}", task.depth));
  return bar;
}

std::vector<BarPanel> panels(std::span<const BenchRow> rows) {
  std::vector<BarPanel> all;
  for (const Kind kind : {Kind::kPrompt, Kind::kDecode}) {
    BarPanel panel = {.title = kind == Kind::kPrompt ? "Prompts by their tokens, tokens/s"
                                                     : "Sequences decoding together, tokens/s"};
    for (const BenchRow& row : rows)
      if (row.task.kind == kind) panel.bars.push_back(bar_of(row));
    if (!panel.bars.empty()) all.push_back(std::move(panel));
  }
  return all;
}

std::string limits_text(std::span<const BenchRow> rows) {
  double reading = 0;
  double operations = 0;
  for (const BenchRow& row : rows) {
    reading = std::max(reading, row.limit.bytes_per_second);
    operations = std::max(operations, row.limit.operations_per_second);
  }
  return fmt::format("limit, and the share of it: reading {:.1f} GB/s, {} {:.0f} GOP/s", reading / 1e9,
                     rows.front().limit.peak, operations / 1e9);
}

}  // namespace

std::string bench_svg(const BenchSetting& s, std::span<const BenchRow> rows) {
  return to_svg({.program = "ferrum bench",
                 .title = s.model,
                 .subtitle = s.backend + ", " + s.format + ", " + s.kv_dtype + " cache",
                 .legend = limits_text(rows),
                 .panels = panels(rows)});
}

}  // namespace ferrum::cli
