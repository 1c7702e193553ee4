#include "text/case_folding.h"

#include <utf8proc.h>

#include <array>

namespace ferrum::unicode {
namespace {

constexpr char32_t kAfterCased = 0x20000;  // the planes from here on have no letters of two cases

bool is_surrogate(char32_t c) { return c >= 0xD800 && c < 0xE000; }

// Characters with a longer full folding may have a simple one too, as U+1E9E has U+00DF: it is the lower
// case.
char32_t fold_case_simply(char32_t c) {
  const std::u32string full = fold_case(c);
  if (full.size() == 1) return full[0];
  constexpr char32_t kDottedCapitalI = 0x130;  // has a full folding only
  return c == kDottedCapitalI ? c : static_cast<char32_t>(utf8proc_tolower(static_cast<utf8proc_int32_t>(c)));
}

}  // namespace

std::u32string fold_case(char32_t c) {
  std::array<utf8proc_int32_t, 4> folded{};
  int boundary = UTF8PROC_BOUNDCLASS_START;
  const auto size =
      utf8proc_decompose_char(static_cast<utf8proc_int32_t>(c), folded.data(),
                              static_cast<utf8proc_ssize_t>(folded.size()), UTF8PROC_CASEFOLD, &boundary);
  if (size < 1 || size > static_cast<utf8proc_ssize_t>(folded.size())) return {c};
  return {folded.begin(), folded.begin() + size};
}

const std::map<std::u32string, std::u32string>& folded_sequences() {
  static const auto* const sequences = [] {
    auto* all = new std::map<std::u32string, std::u32string>;
    for (char32_t c = 0; c < kAfterCased; ++c)
      if (const std::u32string folded = fold_case(c); folded.size() > 1) (*all)[folded] += c;
    return all;
  }();
  return *sequences;
}

const std::vector<std::u32string>& case_variants() {
  static const auto* const variants = [] {
    std::map<char32_t, std::u32string> by_folding;
    for (char32_t c = 0; c < kAfterCased; ++c) {
      if (is_surrogate(c)) continue;
      const char32_t folded = fold_case_simply(c);
      if (folded != c) by_folding.try_emplace(folded, 1, folded).first->second += c;
    }
    auto* all = new std::vector<std::u32string>;
    for (auto& [folded, characters] : by_folding) all->push_back(std::move(characters));
    return all;
  }();
  return *variants;
}

}  // namespace ferrum::unicode
