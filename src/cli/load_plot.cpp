// Charts of `ferrum bench-serve`.
#include <fmt/core.h>

#include "cli/bar_chart.h"
#include "cli/load_report.h"

namespace ferrum::cli {
namespace {

using loadgen::Distribution;
using loadgen::LoadFigures;

constexpr double kMilli = 1e3;

BarPanel speed_panel(std::span<const LoadRow> rows) {
  BarPanel panel = {.title = "Tokens of answers per second"};
  for (const LoadRow& row : rows) {
    const double speed = row.figures.per_second(row.figures.output_tokens);
    panel.bars.push_back(
        {.value = speed, .low = speed, .high = speed, .labels = {label(row.load), bar_label(speed)}});
  }
  return panel;
}

BarPanel times_panel(std::span<const LoadRow> rows, const std::string& what, Distribution LoadFigures::*times,
                     const std::optional<double>& target) {
  BarPanel panel = {.title = what + ", ms: median, and up to the 99th percentile"};
  for (const LoadRow& row : rows) {
    const Distribution& d = row.figures.*times;
    Bar bar = {.value = d.p50 * kMilli,
               .low = d.p50 * kMilli,
               .high = d.p99 * kMilli,
               .labels = {label(row.load), bar_label(d.p50 * kMilli), bar_label(d.p99 * kMilli)}};
    if (target) bar.limit = Bar::Limit{*target * kMilli, fmt::format("{:g}", *target * kMilli)};
    panel.bars.push_back(std::move(bar));
  }
  return panel;
}

}  // namespace

std::string load_svg(const LoadSetting& s, std::span<const LoadRow> rows) {
  return to_svg({.program = "ferrum bench-serve",
                 .title = s.request.model,
                 .subtitle = s.url,
                 .legend = s.targets.any() ? "target" : "",
                 .panels = {speed_panel(rows),
                            times_panel(rows, "To the first token", &LoadFigures::ttft, s.targets.ttft),
                            times_panel(rows, "Between tokens", &LoadFigures::itl, s.targets.itl),
                            times_panel(rows, "Whole answers", &LoadFigures::e2e, s.targets.e2e)}});
}

}  // namespace ferrum::cli
