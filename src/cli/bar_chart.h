// Bars in panels, as an SVG 1.1 file (https://www.w3.org/TR/SVG11/).
#pragma once
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace ferrum::cli {

struct Bar {
  struct Limit {  // a line across the bar's slot
    double value = 0;
    std::string label;  // above the line
  };

  double value = 0;
  double low = 0;  // a thin line from here to `high`
  double high = 0;
  std::optional<Limit> limit;
  std::vector<std::string> labels;  // below the bar, one under the other
};

struct BarPanel {
  std::string title;
  std::vector<Bar> bars;
};

struct BarChart {
  std::string program;   // "ferrum bench"
  std::string title;     // what was measured
  std::string subtitle;  // how it was measured
  std::string legend;    // the meaning of limits; empty: there are none
  std::vector<BarPanel> panels;
};

// Texts are untrusted and are escaped.
std::string to_svg(const BarChart& chart);

// The number under a bar, rounded to its significant digits.
std::string bar_label(double value);

}  // namespace ferrum::cli
