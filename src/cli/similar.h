// Spelling suggestions.
#pragma once
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace ferrum::cli {

// The number of letters to insert, delete, change or swap with their neighbour to turn `a` into `b`, each
// place being edited once (the "optimal string alignment" distance).
int edit_distance(std::string_view a, std::string_view b);

// The candidate most similar to `word`, if there is one: a third of the letters may differ, or `word` may be
// a prefix.
std::optional<std::string> most_similar(std::string_view word, std::span<const std::string> candidates);

// "; did you mean 'serve'?", or empty.
std::string did_you_mean(std::string_view word, std::span<const std::string> candidates);

}  // namespace ferrum::cli
