#include "text/added_tokens.h"

#include <algorithm>
#include <utility>

#include "base/utf8.h"
#include "text/unicode.h"

namespace ferrum {
namespace {

size_t character_before(std::string_view text, size_t end) {
  size_t begin = end - 1;
  while (begin > 0 && end - begin < 4 && (static_cast<unsigned char>(text[begin]) & 0xC0) == 0x80) --begin;
  return begin;
}

bool is_word_at(std::string_view text, size_t at) {
  const utf8::Decoded d = utf8::decode(text.substr(at));
  return d.valid && unicode::is_word(d.code_point);
}

bool is_space_at(std::string_view text, size_t at) {
  const utf8::Decoded d = utf8::decode(text.substr(at));
  return d.valid && unicode::is_white_space(d.code_point);
}

bool stands_alone(std::string_view text, size_t begin, size_t end) {
  if (begin > 0 && is_word_at(text, character_before(text, begin))) return false;
  return end == text.size() || !is_word_at(text, end);
}

}  // namespace

AddedTokens::AddedTokens(std::vector<Pattern> patterns, const Vocabulary& vocabulary)
    : patterns_(std::move(patterns)) {
  std::vector<std::pair<std::string_view, int32_t>> entries;
  for (size_t i = 0; i < patterns_.size(); ++i) {
    const TokenKind kind = vocabulary[patterns_[i].token.id].kind;
    needs_trust_.push_back(kind == TokenKind::kControl || kind == TokenKind::kUnknown);
    entries.emplace_back(patterns_[i].text, static_cast<int32_t>(i));
  }
  trie_ = Trie(std::move(entries));
}

void AddedTokens::split(const TrustedText& in, std::vector<Part>& parts) const {
  const std::string_view text = in.text;
  parts.clear();
  size_t done = 0;
  for (size_t at = 0; at < text.size() && !trie_.empty();) {
    size_t length = 0;
    size_t which = 0;
    if (trie_.begins(text[at])) {
      trie_.for_each_prefix(text.substr(at), [&](size_t size, int32_t pattern) {
        if (needs_trust_[static_cast<size_t>(pattern)] && !in.trusts(at, at + size)) return;
        length = size;
        which = static_cast<size_t>(pattern);
      });
    }
    if (length == 0) {
      ++at;
      continue;
    }
    const AddedToken& token = patterns_[which].token;
    size_t begin = at;
    size_t end = at + length;
    // The white space that a token takes after it may also be the white space before the next token.
    at = end;
    if (token.single_word && !stands_alone(text, begin, end)) continue;
    if (token.strip_left)
      while (begin > done && is_space_at(text, character_before(text, begin)))
        begin = character_before(text, begin);
    if (token.strip_right)
      while (end < text.size() && is_space_at(text, end)) end += utf8::decode(text.substr(end)).size;
    if (done < begin) parts.push_back({done, begin, std::nullopt});
    parts.push_back({begin, end, token.id});
    done = std::max(done, end);
  }
  if (done < text.size()) parts.push_back({done, text.size(), std::nullopt});
}

}  // namespace ferrum
