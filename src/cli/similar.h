// Spelling suggestions.
#pragma once
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace ferrum::cli {

// How many letters must be put in, left out, changed or swapped with their neighbour to make `b` of `a`, each
// place being touched once (the "optimal string alignment" distance).
int edit_distance(std::string_view a, std::string_view b);

// The candidate that is most like `word`, if one is like it: a third of the letters may differ, or `word` is
// how it begins.
std::optional<std::string> most_similar(std::string_view word, std::span<const std::string> candidates);

// "; did you mean 'serve'?", or nothing.
std::string did_you_mean(std::string_view word, std::span<const std::string> candidates);

}  // namespace ferrum::cli
