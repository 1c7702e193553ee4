#include "cli/bar_chart.h"

#include <fmt/core.h>

#include <algorithm>
#include <cmath>
#include <iterator>
#include <string_view>

#include "base/utf8.h"

namespace ferrum::cli {
namespace {

// In pixels.
constexpr double kPlotHeight = 260;
constexpr double kTop = 70;     // space above a panel, with its title
constexpr double kBottom = 56;  // space below, with the labels
constexpr double kLeft = 76;    // space at the left, with the scale
constexpr double kSlot = 84;    // width per bar
constexpr double kBar = 44;
constexpr double kMargin = 24;
constexpr double kLeastWidth = 560;
constexpr double kHead = 64;

constexpr const char* kInk = "#1f2933";
constexpr const char* kBarColour = "#3b7ea1";
constexpr const char* kLimitColour = "#c4433a";
constexpr const char* kGridColour = "#d9dee3";

// Escapes XML's special characters; characters that XML forbids and malformed UTF-8 become "?".
std::string xml(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    const utf8::Decoded d = utf8::decode(text);
    const std::string_view c = text.substr(0, d.size);
    text.remove_prefix(d.size);
    if (c == "<") {
      out += "&lt;";
    } else if (c == ">") {
      out += "&gt;";
    } else if (c == "&") {
      out += "&amp;";
    } else if (c == "\"") {
      out += "&quot;";
    } else {
      const bool allowed = d.valid && d.code_point >= ' ' && (d.code_point < 0x7f || d.code_point > 0x9f) &&
                           (d.code_point & 0xfffe) != 0xfffe;
      out += allowed ? c : "?";
    }
  }
  return out;
}

// The smallest of 1, 2, 5, 10, 20, … that is not less than x.
double round_step(double x) {
  const double power = std::pow(10, std::floor(std::log10(x)));
  for (const double step : {1.0, 2.0, 5.0})
    if (step * power >= x) return step * power;
  return 10 * power;
}

void text(std::string& out, double x, double y, const char* anchor, std::string_view what) {
  out += fmt::format(R"(<text x="{:.1f}" y="{:.1f}" text-anchor="{}">{}</text>)"
                     "\n",
                     x, y, anchor, xml(what));
}

struct Ends {
  double x1, y1, x2, y2;
};
void line(std::string& out, const Ends& e, const char* colour, double width) {
  out +=
      fmt::format(R"(<line x1="{:.1f}" y1="{:.1f}" x2="{:.1f}" y2="{:.1f}" stroke="{}" stroke-width="{}"/>)"
                  "\n",
                  e.x1, e.y1, e.x2, e.y2, colour, width);
}

class PanelDrawing {
 public:
  explicit PanelDrawing(const BarPanel& panel) : panel_(panel) {
    double highest = 1e-9;
    for (const Bar& bar : panel.bars)
      highest = std::max({highest, bar.value, bar.high, bar.limit ? bar.limit->value : 0});
    step_ = round_step(highest / 5);
    steps_ = static_cast<int>(std::ceil(highest / step_));
  }

  double width() const { return kLeft + kSlot * static_cast<double>(panel_.bars.size()) + kMargin; }
  static double height() { return kTop + kPlotHeight + kBottom; }

  void draw(std::string& out, double top, double right) const {
    const double base = top + kTop + kPlotHeight;
    text(out, kLeft, top + 46, "start", panel_.title);
    for (int i = 0; i <= steps_; ++i) {
      const double value = i * step_;
      const double y = base - scaled(value);
      line(out, {kLeft, y, right, y}, kGridColour, 1);
      text(out, kLeft - 8, y + 4, "end", fmt::format("{:g}", value));
    }
    double left = kLeft;
    for (const Bar& bar : panel_.bars) {
      draw(out, bar, left, base);
      left += kSlot;
    }
  }

 private:
  double scaled(double value) const { return value / (steps_ * step_) * kPlotHeight; }

  void draw(std::string& out, const Bar& bar, double left, double base) const {
    const double middle = left + kSlot / 2;
    const double high = scaled(bar.value);
    out += fmt::format(R"(<rect x="{:.1f}" y="{:.1f}" width="{:.1f}" height="{:.1f}" fill="{}"/>)"
                       "\n",
                       middle - kBar / 2, base - high, kBar, high, kBarColour);
    line(out, {middle, base - scaled(bar.high), middle, base - scaled(bar.low)}, kInk, 1.5);
    if (bar.limit) {
      const double limit = base - scaled(bar.limit->value);
      line(out, {left + 4, limit, left + kSlot - 4, limit}, kLimitColour, 2.5);
      text(out, middle, limit - 6, "middle", bar.limit->label);
    }
    double y = base + 18;
    for (const std::string& label : bar.labels) {
      text(out, middle, y, "middle", label);
      y += 16;
    }
  }

  const BarPanel& panel_;
  double step_ = 1;
  int steps_ = 1;  // number of steps of the scale
};

}  // namespace

std::string to_svg(const BarChart& chart) {
  const std::vector<PanelDrawing> panels(chart.panels.begin(), chart.panels.end());
  double width = kLeastWidth;
  for (const PanelDrawing& panel : panels) width = std::max(width, panel.width());
  const double height = kHead + PanelDrawing::height() * static_cast<double>(panels.size());

  std::string out = fmt::format(
      R"(<?xml version="1.0" encoding="UTF-8"?>
<svg xmlns="http://www.w3.org/2000/svg" width="{0:.0f}" height="{1:.0f}" viewBox="0 0 {0:.0f} {1:.0f}" font-family="sans-serif" font-size="12" fill="{2}">
<title>{3}: {4}</title>
<rect width="100%" height="100%" fill="#ffffff"/>
)",
      width, height, kInk, xml(chart.program), xml(chart.title));
  out += fmt::format(R"(<text x="{}" y="30" font-size="16">{}</text>)"
                     "\n",
                     kMargin, xml(chart.title));
  text(out, kMargin, 50, "start", chart.subtitle);
  if (!chart.legend.empty()) {
    line(out, {kMargin, 67, kMargin + 24, 67}, kLimitColour, 2.5);
    text(out, kMargin + 30, 71, "start", chart.legend);
  }
  double top = kHead;
  for (const PanelDrawing& panel : panels) {
    panel.draw(out, top, width - kMargin);
    top += PanelDrawing::height();
  }
  return out + "</svg>\n";
}

std::string bar_label(double value) { return fmt::format("{:.{}f}", value, value < 100 ? 1 : 0); }

}  // namespace ferrum::cli
