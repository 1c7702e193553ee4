#include "text/regex_caseless.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include <algorithm>
#include <memory>

#include "base/utf8.h"
#include "text/case_folding.h"

namespace ferrum {
namespace {

std::string spelled(std::u32string_view characters) {
  std::string all;
  for (const char32_t c : characters) all += spelled_in_pcre2(c);
  return all;
}

// A sequence of folded characters, or one character that folds to it.
std::string sequence_pattern(const std::u32string& sequence) {
  return "(?:" + spelled(sequence) + "|[" + spelled(unicode::folded_sequences().at(sequence)) + "])";
}

// How many of the leading characters fold to what a single character folds to as well; the most of them.
size_t sequence_size(std::u32string_view characters, std::u32string& sequence) {
  for (size_t size = std::min<size_t>(characters.size(), 3); size >= 2; --size) {
    sequence.clear();
    for (const char32_t c : characters.substr(0, size)) {
      const std::u32string folded = unicode::fold_case(c);
      if (folded.size() > 1) break;
      sequence += folded;
    }
    if (sequence.size() == size && unicode::folded_sequences().contains(sequence)) return size;
  }
  return 0;
}

// Whether characters are in a set.
class Members {
 public:
  Members(const std::string& one_character, uint32_t options) {
    int error = 0;
    PCRE2_SIZE offset = 0;
    code_.reset(pcre2_compile(reinterpret_cast<PCRE2_SPTR>(one_character.data()), one_character.size(),
                              PCRE2_UTF | PCRE2_UCP | PCRE2_ANCHORED | PCRE2_ENDANCHORED | options, &error,
                              &offset, nullptr));
    if (code_) match_.reset(pcre2_match_data_create_from_pattern(code_.get(), nullptr));
  }

  bool has(char32_t c) const {
    std::string text;
    utf8::append(text, c);
    return code_ && pcre2_match(code_.get(), reinterpret_cast<PCRE2_SPTR>(text.data()), text.size(), 0, 0,
                                match_.get(), nullptr) > 0;
  }

 private:
  struct Free {
    void operator()(pcre2_code* p) const { pcre2_code_free(p); }
    void operator()(pcre2_match_data* p) const { pcre2_match_data_free(p); }
  };
  std::unique_ptr<pcre2_code, Free> code_;
  std::unique_ptr<pcre2_match_data, Free> match_;
};

// The characters that are not in the set but differ in case only from one that is.
std::u32string other_cases(const std::string& positive) {
  const Members members(positive, 0);
  std::u32string others;
  for (const std::u32string& variants : unicode::case_variants()) {
    const auto inside = [&](char32_t c) { return members.has(c); };
    if (std::any_of(variants.begin(), variants.end(), inside))
      std::copy_if(variants.begin(), variants.end(), std::back_inserter(others),
                   [&](char32_t c) { return !inside(c); });
  }
  return others;
}

// The sequences that characters of the set fold to. Where the set has a sequence's first character too, that
// one is matched alone first, and the sequence could only matter on going back: it is left out.
std::string sequences_of(const std::string& positive) {
  const Members members(positive, PCRE2_CASELESS);
  std::string alternatives;
  for (const auto& [sequence, characters] : unicode::folded_sequences())
    if (!members.has(sequence[0]) &&
        std::any_of(characters.begin(), characters.end(), [&](char32_t c) { return members.has(c); }))
      alternatives += "|" + spelled(sequence);
  return alternatives;
}

}  // namespace

std::string caseless_literals(std::u32string_view characters) {
  std::string all;
  while (!characters.empty()) {
    std::u32string sequence = unicode::fold_case(characters[0]);
    size_t size = 1;
    if (sequence.size() == 1) size = sequence_size(characters, sequence);
    all += size == 0 ? spelled_in_pcre2(characters[0]) : sequence_pattern(sequence);
    characters.remove_prefix(std::max<size_t>(size, 1));
  }
  return all;
}

std::string caseless_class(const CharacterSet& set, Sequences sequences) {
  CharacterSet positive = set;
  positive.is_negated = false;
  if (set.has_classes)
    if (const std::u32string others = other_cases(positive.pattern()); !others.empty())
      positive = {.others = {"(?-i:" + positive.pattern() + "|[" + spelled(others) + "])"}};
  if (!set.is_negated && sequences == Sequences::kMatched)
    if (const std::string alternatives = sequences_of(positive.pattern()); !alternatives.empty())
      return "(?:" + positive.pattern() + alternatives + ")";
  positive.is_negated = set.is_negated;
  return positive.pattern();
}

}  // namespace ferrum
