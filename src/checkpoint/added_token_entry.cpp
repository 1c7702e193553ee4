#include "checkpoint/added_token_entry.h"

#include <algorithm>

namespace ferrum {

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

// Control tokens are always looked for in the raw text: normalisation would hide some of them from a template
// that wrote them, such as <s> behind another token.
void declare_added(TokenizerSpec& spec, const AddedTokenEntry& entry, TokenId id) {
  AddedToken token = entry.token;
  token.id = id;
  token.match =
      entry.normalized && !entry.special ? AddedToken::Match::kNormalizedText : AddedToken::Match::kRawText;
  TokenKind& kind = spec.tokens[static_cast<size_t>(id)].kind;
  if (kind != TokenKind::kUnknown) kind = entry.special ? TokenKind::kControl : TokenKind::kUserDefined;
  std::erase_if(spec.added, [&](const AddedToken& known) { return known.id == id; });
  spec.added.push_back(token);
}

std::optional<TokenId> find_token(const TokenizerSpec& spec, std::string_view spelling) {
  const auto it = std::find_if(spec.tokens.begin(), spec.tokens.end(),
                               [&](const TokenizerSpec::Token& token) { return token.spelling == spelling; });
  if (it == spec.tokens.end()) return std::nullopt;
  return static_cast<TokenId>(it - spec.tokens.begin());
}

}  // namespace ferrum
