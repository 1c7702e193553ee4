// The figures of `ferrum bench` as an SVG 1.1 file (https://www.w3.org/TR/SVG11/), drawn by hand: a panel for
// prompts and one for decoding, a bar for each row, its deviation, and the limit as a line above.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <iterator>
#include <vector>

#include "cli/bench_report.h"

namespace ferrum::cli {
namespace {

using Kind = BenchCase::Kind;

// In pixels.
constexpr double kPlotHeight = 260;
constexpr double kTop = 70;     // of a panel, with its title
constexpr double kBottom = 56;  // with the labels
constexpr double kLeft = 76;    // with the scale
constexpr double kSlot = 84;    // of one bar
constexpr double kBar = 44;
constexpr double kMargin = 24;
constexpr double kLeastWidth = 560;

constexpr const char* kInk = "#1f2933";
constexpr const char* kBarColour = "#3b7ea1";
constexpr const char* kLimitColour = "#c4433a";
constexpr const char* kGridColour = "#d9dee3";

// Text from a file: XML's own signs are escaped, and what XML forbids or may be broken UTF-8 becomes "?".
std::string xml(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '<') {
      out += "&lt;";
    } else if (c == '>') {
      out += "&gt;";
    } else if (c == '&') {
      out += "&amp;";
    } else if (c == '"') {
      out += "&quot;";
    } else {
      out += c >= ' ' && c <= '~' ? c : '?';
    }
  }
  return out;
}

// The next of 1, 2, 5, 10, 20, … that is no less than x.
double round_step(double x) {
  const double power = std::pow(10, std::floor(std::log10(x)));
  for (const double step : {1.0, 2.0, 5.0})
    if (step * power >= x) return step * power;
  return 10 * power;
}

class Panel {
 public:
  Panel(std::string title, std::vector<const BenchRow*> rows)
      : title_(std::move(title)), rows_(std::move(rows)) {
    double highest = 1e-9;
    for (const BenchRow* row : rows_) {
      const Spread speed = row->speed();
      highest = std::max({highest, speed.mean + speed.deviation, row->limit_speed()});
    }
    step_ = round_step(highest / 5);
    steps_ = static_cast<int>(std::ceil(highest / step_));
  }

  double width() const { return kLeft + kSlot * static_cast<double>(rows_.size()) + kMargin; }
  static double height() { return kTop + kPlotHeight + kBottom; }

  void draw(std::string& out, double top, double right) const {
    const double base = top + kTop + kPlotHeight;
    text(out, kLeft, top + 46, "start", fmt::format("{}, tokens/s", title_));
    for (int i = 0; i <= steps_; ++i) {
      const double value = i * step_;
      const double y = base - scaled(value);
      line(out, {kLeft, y, right, y}, kGridColour, 1);
      text(out, kLeft - 8, y + 4, "end", fmt::format("{:g}", value));
    }
    for (size_t i = 0; i < rows_.size(); ++i)
      bar(out, *rows_[i], kLeft + kSlot * static_cast<double>(i), base);
  }

  static void text(std::string& out, double x, double y, const char* anchor, std::string_view what) {
    fmt::format_to(std::back_inserter(out),
                   R"(<text x="{:.1f}" y="{:.1f}" text-anchor="{}">{}</text>)"
                   "\n",
                   x, y, anchor, what);
  }
  struct Ends {
    double x1, y1, x2, y2;
  };
  static void line(std::string& out, const Ends& e, const char* colour, double width) {
    fmt::format_to(std::back_inserter(out),
                   R"(<line x1="{:.1f}" y1="{:.1f}" x2="{:.1f}" y2="{:.1f}" stroke="{}" stroke-width="{}"/>)"
                   "\n",
                   e.x1, e.y1, e.x2, e.y2, colour, width);
  }

 private:
  double scaled(double value) const { return value / (steps_ * step_) * kPlotHeight; }

  void bar(std::string& out, const BenchRow& row, double left, double base) const {
    const Spread speed = row.speed();
    const double middle = left + kSlot / 2;
    const double high = scaled(speed.mean);
    fmt::format_to(std::back_inserter(out),
                   R"(<rect x="{:.1f}" y="{:.1f}" width="{:.1f}" height="{:.1f}" fill="{}"/>)"
                   "\n",
                   middle - kBar / 2, base - high, kBar, high, kBarColour);
    const double below = scaled(std::max(0.0, speed.mean - speed.deviation));
    line(out, {middle, base - scaled(speed.mean + speed.deviation), middle, base - below}, kInk, 1.5);
    const double limit = base - scaled(row.limit_speed());
    line(out, {left + 4, limit, left + kSlot - 4, limit}, kLimitColour, 2.5);
    text(out, middle, limit - 6, "middle", fmt::format("{:.0f}%", row.limit_share() * 100));

    const BenchCase& task = row.task;
    text(out, middle, base + 18, "middle",
         task.kind == Kind::kPrompt ? fmt::format("{}", task.tokens)
                                    : fmt::format("{} × {}", task.tokens, task.batch));
    text(out, middle, base + 34, "middle", fmt::format("{:.{}f}", speed.mean, speed.mean < 100 ? 1 : 0));
    if (task.depth > 0) text(out, middle, base + 50, "middle", fmt::format("at {}", task.depth));
  }

  std::string title_;
  std::vector<const BenchRow*> rows_;
  double step_ = 1;
  int steps_ = 1;  // of the scale
};

std::vector<Panel> panels(std::span<const BenchRow> rows) {
  std::vector<Panel> all;
  for (const Kind kind : {Kind::kPrompt, Kind::kDecode}) {
    std::vector<const BenchRow*> of_kind;
    for (const BenchRow& row : rows)
      if (row.task.kind == kind) of_kind.push_back(&row);
    if (of_kind.empty()) continue;
    all.emplace_back(kind == Kind::kPrompt ? "Prompts by their tokens" : "Sequences decoding together",
                     std::move(of_kind));
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
  const std::vector<Panel> all = panels(rows);
  double width = kLeastWidth;
  for (const Panel& panel : all) width = std::max(width, panel.width());
  constexpr double kHead = 64;
  const double height = kHead + Panel::height() * static_cast<double>(all.size());

  std::string out = fmt::format(
      R"(<?xml version="1.0" encoding="UTF-8"?>
<svg xmlns="http://www.w3.org/2000/svg" width="{0:.0f}" height="{1:.0f}" viewBox="0 0 {0:.0f} {1:.0f}" font-family="sans-serif" font-size="12" fill="{2}">
<title>ferrum bench: {3}</title>
<rect width="100%" height="100%" fill="#ffffff"/>
)",
      width, height, kInk, xml(s.model));
  fmt::format_to(std::back_inserter(out),
                 R"(<text x="{}" y="30" font-size="16">{}</text>)"
                 "\n",
                 kMargin, xml(s.model));
  Panel::text(out, kMargin, 50, "start", xml(s.backend + ", " + s.format + ", " + s.kv_dtype + " cache"));
  Panel::line(out, {kMargin, 67, kMargin + 24, 67}, kLimitColour, 2.5);
  Panel::text(out, kMargin + 30, 71, "start", limits_text(rows));
  double top = kHead;
  for (const Panel& panel : all) {
    panel.draw(out, top, width - kMargin);
    top += Panel::height();
  }
  return out + "</svg>\n";
}

}  // namespace ferrum::cli
