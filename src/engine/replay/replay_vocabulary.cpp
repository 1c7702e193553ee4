#include "engine/replay/replay_vocabulary.h"

#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "base/error.h"
#include "text/byte_alphabet.h"
#include "text/chat_context.h"
#include "text/chat_template.h"
#include "text/end_tokens.h"
#include "tools/format.h"

namespace ferrum {
namespace {

bool is_space(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }

using Marks = std::map<std::string, TokenKind, std::less<>>;

constexpr std::string_view kBos = "<s>";
constexpr std::string_view kEos = "</s>";
constexpr size_t kLongestMark = 64;      // bytes
constexpr std::string_view kBar = "｜";  // DeepSeek's

// Calls `found` with every text in `text` that stands between these, both included, without white space or
// another `open` inside.
template <class Found>
void for_each_bracketed(std::string_view text, char open, char close, Found found) {
  for (size_t begin = text.find(open); begin != text.npos; begin = text.find(open, begin + 1)) {
    const std::string_view rest = text.substr(begin, kLongestMark);
    const size_t end = rest.find(close);
    if (end == rest.npos || end < 2) continue;
    const std::string_view mark = rest.substr(0, end + 1);
    if (mark.find(open, 1) == mark.npos && std::ranges::none_of(mark, is_space)) found(mark);
  }
}

// <|im_end|>, <｜User｜>, <|tool_call>, <turn|>.
bool has_bars(std::string_view mark) {
  const std::string_view inner = mark.substr(1, mark.size() - 2);
  return inner.starts_with('|') || inner.ends_with('|') || inner.starts_with(kBar) || inner.ends_with(kBar);
}

// [INST], [/TOOL_RESULTS].
bool is_capital_mark(std::string_view mark) {
  std::string_view inner = mark.substr(1, mark.size() - 2);
  if (inner.starts_with('/')) inner.remove_prefix(1);
  return inner.size() > 2 &&
         std::ranges::all_of(inner, [](char c) { return c == '_' || (c >= 'A' && c <= 'Z'); });
}

bool is_plain_mark(std::string_view mark) {
  return mark == kBos || mark == kEos || mark == "<bos>" || mark == "<start_of_turn>" || is_known_end(mark);
}

void add_marks_of_template(std::string_view text, Marks& marks) {
  for_each_bracketed(text, '<', '>', [&](std::string_view mark) {
    if (has_bars(mark) || is_plain_mark(mark)) marks.emplace(mark, TokenKind::kControl);
  });
  for_each_bracketed(text, '[', ']', [&](std::string_view mark) {
    if (is_capital_mark(mark) || is_known_end(mark)) marks.emplace(mark, TokenKind::kControl);
  });
}

// A conversation as the template renders it: some put marks together from roles.
std::string rendered(std::string_view chat_template) {
  ChatContext context;
  context.set_special_tokens({.bos = std::string(kBos), .eos = std::string(kEos)});
  context.add_message("user", "?");
  context.add_message("assistant", "!");
  context.add_message("user", "?");
  try {
    return ChatTemplate(std::string(chat_template)).render(context.json()).text();
  } catch (const Error&) {  // it takes no such conversation, or does not parse; its use reports that
    return {};
  }
}

// What the format writes around calls and thoughts, as far as it is a tag of its own: models' vocabularies
// have such tags as tokens that are text.
void add_marks_of_format(const tools::Format& format, Marks& marks) {
  const auto add = [&](const std::string& mark) {
    if (mark.size() < 3 || std::ranges::any_of(mark, is_space)) return;
    const bool is_tag = mark.front() == '<' && mark.find('>') == mark.size() - 1;
    const bool is_capital = mark.front() == '[' && mark.back() == ']' && is_capital_mark(mark);
    if (is_tag || is_capital)
      marks.emplace(mark, is_capital || has_bars(mark) ? TokenKind::kControl : TokenKind::kUserDefined);
  };
  for (const tools::Wrapper& wrapper : format.wrappers) {
    add(wrapper.open);
    add(wrapper.close);
  }
  const tools::CallMarks& call = format.marks;
  for (const std::string* mark :
       {&call.open, &call.id, &call.name_end, &call.close, &format.reasoning.open, &format.reasoning.close})
    add(*mark);
  for (const std::string& mark : format.silent) add(mark);
}

Marks marks_of(std::string_view chat_template, std::span<const std::string> answers) {
  Marks marks = {{std::string(kBos), TokenKind::kControl}, {std::string(kEos), TokenKind::kControl}};
  add_marks_of_template(chat_template, marks);
  add_marks_of_template(rendered(chat_template), marks);
  for (const std::string& answer : answers)
    for_each_bracketed(answer, '<', '>', [&](std::string_view mark) {
      if (has_bars(mark)) marks.emplace(mark, TokenKind::kControl);
    });
  add_marks_of_format(tools::format_of(chat_template), marks);
  return marks;
}

TokenizerSpec spec_of(const Marks& marks, int piece_bytes) {
  TokenizerSpec spec;
  spec.source = "the vocabulary of recorded answers";
  spec.tokens_field = "tokens";
  spec.merges_field = "merges";
  for (int byte = 0; byte < 256; ++byte)
    spec.tokens.push_back({.spelling = byte_alphabet::spell(std::string(1, static_cast<char>(byte)))});
  for (const auto& [mark, kind] : marks) {
    const auto id = static_cast<TokenId>(spec.tokens.size());
    spec.added.push_back({.id = id});
    if (mark == kBos) spec.special.bos = id;
    if (mark == kEos) spec.special.eos = id;
    spec.tokens.push_back({.spelling = mark, .kind = kind, .is_added = true});
  }
  spec.model = BpeSpec{.ignore_merges = true};
  // A piece's bytes are counted in letters of the byte alphabet.
  spec.pretokenizer = {SplitByteLevel{.add_prefix_space = false, .use_regex = false},
                       SplitFixedLength{.characters = static_cast<size_t>(piece_bytes)}};
  spec.decoder = {DecodeByteLevel{}};
  return spec;
}

// What lies between the marks of an answer, cut into pieces.
void add_pieces(const Tokenizer& bytes, std::string_view answer, size_t piece_bytes,
                std::set<std::string>& pieces) {
  std::string piece;
  const auto end_piece = [&] {
    if (piece.size() > 1) pieces.insert(std::exchange(piece, {}));
    piece.clear();
  };
  for (const TokenId id : bytes.encode({answer, true}, {.add_special = false})) {
    if (bytes.kind(id) == TokenKind::kNormal)
      piece += bytes.bytes(id);
    else
      end_piece();
    if (piece.size() == piece_bytes) end_piece();
  }
  end_piece();
}

}  // namespace

TokenizerSpec replay_vocabulary(std::string_view chat_template, std::span<const std::string> answers,
                                int piece_bytes) {
  TokenizerSpec spec = spec_of(marks_of(chat_template, answers), piece_bytes);
  const std::unique_ptr<const Tokenizer> bytes = Tokenizer::make(spec);
  std::set<std::string> pieces;
  for (const std::string& answer : answers)
    add_pieces(*bytes, answer, static_cast<size_t>(piece_bytes), pieces);
  for (const std::string& piece : pieces) spec.tokens.push_back({.spelling = byte_alphabet::spell(piece)});
  return spec;
}

}  // namespace ferrum
