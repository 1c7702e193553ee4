#include "cli/similar.h"

#include <fmt/core.h>

#include <algorithm>
#include <vector>

namespace ferrum::cli {
namespace {

constexpr size_t kLongest = 64;  // bounds the quadratic table below

std::string_view without_dashes(std::string_view name) {
  name.remove_prefix(std::min(name.find_first_not_of('-'), name.size()));
  return name;
}

}  // namespace

int edit_distance(std::string_view a, std::string_view b) {
  const size_t width = b.size() + 1;
  std::vector<int> table((a.size() + 1) * width);  // [letters of a, letters of b]
  const auto at = [&](size_t i, size_t j) -> int& { return table[i * width + j]; };
  for (size_t i = 0; i <= a.size(); ++i) at(i, 0) = static_cast<int>(i);
  for (size_t j = 0; j <= b.size(); ++j) at(0, j) = static_cast<int>(j);
  for (size_t i = 1; i <= a.size(); ++i)
    for (size_t j = 1; j <= b.size(); ++j) {
      const int changed = at(i - 1, j - 1) + (a[i - 1] == b[j - 1] ? 0 : 1);
      at(i, j) = std::min({at(i - 1, j) + 1, at(i, j - 1) + 1, changed});
      const bool swapped = i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1];
      if (swapped) at(i, j) = std::min(at(i, j), at(i - 2, j - 2) + 1);
    }
  return at(a.size(), b.size());
}

std::optional<std::string> most_similar(std::string_view word, std::span<const std::string> candidates) {
  const std::string_view stem = without_dashes(word);
  if (stem.size() < 2 || stem.size() > kLongest) return std::nullopt;
  const std::string* best = nullptr;
  int least = std::max(1, static_cast<int>(stem.size()) / 3) + 1;
  for (const std::string& candidate : candidates) {
    const std::string_view there = without_dashes(candidate);
    const bool begins = stem.size() >= 3 && there.starts_with(stem);
    const int distance = begins ? 1 : edit_distance(stem, there);
    if (distance < least) {
      least = distance;
      best = &candidate;
    }
  }
  return best ? std::optional(*best) : std::nullopt;
}

std::string did_you_mean(std::string_view word, std::span<const std::string> candidates) {
  const std::optional<std::string> meant = most_similar(word, candidates);
  return meant ? fmt::format("; did you mean {}?", *meant) : "";
}

}  // namespace ferrum::cli
