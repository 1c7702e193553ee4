#include "checkpoint/tokenizer/added_token_entry.h"

#include <algorithm>

namespace ferrum {

namespace {

// SentencePiece's normalisation would put a space before every added token.
bool is_sentencepiece(const TokenizerSpec& spec) {
  return std::any_of(spec.normalizer.begin(), spec.normalizer.end(), [](const NormalizeStep& step) {
    return std::holds_alternative<NormalizeSentencePiece>(step);
  });
}

}  // namespace

AddedTokenEntry read_added_token(const JsonView& json) {
  AddedTokenEntry entry;
  entry.content = json.at("content").string();
  entry.special = json.boolean_or("special", false);
  entry.normalized = json.boolean_or("normalized", !entry.special);
  entry.token.strip_left = json.boolean_or("lstrip", false);
  entry.token.strip_right = json.boolean_or("rstrip", false);
  entry.token.single_word = json.boolean_or("single_word", false);
  return entry;
}

AddedToken added_token(const TokenizerSpec& spec, const AddedTokenEntry& entry, TokenId id) {
  AddedToken token = entry.token;
  token.id = id;
  token.match = entry.normalized && !is_sentencepiece(spec) ? AddedToken::Match::kNormalizedText
                                                            : AddedToken::Match::kRawText;
  return token;
}

void declare_added(TokenizerSpec& spec, const AddedTokenEntry& entry, TokenId id) {
  const AddedToken token = added_token(spec, entry, id);
  TokenKind& kind = spec.tokens[static_cast<size_t>(id)].kind;
  if (kind != TokenKind::kUnknown) kind = entry.special ? TokenKind::kControl : TokenKind::kUserDefined;
  std::erase_if(spec.added, [&](const AddedToken& known) { return known.id == id; });
  spec.added.push_back(token);
}

}  // namespace ferrum
