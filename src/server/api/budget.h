// One bound for what a single request may ask for at once, whatever multiplies it (fault N7).
#pragma once
#include <cstddef>

namespace ferrum::server {

// Answers (n or best_of, times prompts), texts to embed, pairs to score, documents to rank.
inline constexpr size_t kMostResults = 2048;

}  // namespace ferrum::server
