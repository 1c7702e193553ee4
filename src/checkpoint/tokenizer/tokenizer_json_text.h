// tokenizer.json, parsed: its vocabulary and merges as lists, since trees of 10^5 nodes take a second to
// build and to give back, and the rest as a tree.
#pragma once
#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "checkpoint/tokenizer/token_places.h"

namespace ferrum {

struct TokenizerJson {
  using Entry = TokenPlaces::Entry;
  // "a b" as it is written, or two tokens.
  struct Merge {
    std::string left, right;
    bool is_one_string = false;  // in `left`
  };

  Json rest;  // without model.vocab and model.merges
  std::vector<Entry> vocab;
  std::vector<Merge> merges;
  bool has_vocab = false;
  bool has_merges = false;
  bool vocab_has_scores = false;  // an array of pairs, as unigram models have it
};

// Errors kBadFile naming `source`: no JSON (with the byte position), a field of the wrong type, duplicate
// keys, more than 128 levels.
TokenizerJson parse_tokenizer_json(std::string_view text, const std::string& source);

// vocab.json: an object of tokens and ids. Errors as above.
std::vector<TokenizerJson::Entry> parse_vocabulary_json(std::string_view text, const std::string& source);

}  // namespace ferrum
