// Calls as elements: <function=name><parameter=key>value</parameter></function> in the spelling of a family.
//
// A value is any text. What looks like its closing tag closes it only where the next parameter, the end of
// the call or the end of the answer follows.
#include <algorithm>

#include "tools/answer_parser.h"

namespace ferrum::tools {
namespace {

// Of &quot; and &amp;.
std::string unescaped(std::string_view name) {
  std::string out;
  while (!name.empty()) {
    const bool is_quote = name.starts_with("&quot;"), is_ampersand = name.starts_with("&amp;");
    out += is_quote ? '"' : name[0];
    name.remove_prefix(is_quote ? 6 : is_ampersand ? 5 : 1);
  }
  return out;
}

}  // namespace

Parse<bool> AnswerParser::element_call(const Wrapper& wrapper) {
  const CallMarks& marks = format_.marks;
  bool here = co_await sees(marks.open, 0);
  if (!here) co_return false;
  take(marks.open.size());
  std::string name;
  here = co_await element_name(name);
  if (!here || !accepts(name)) co_return false;
  size_t gap = co_await spaces(0);
  bool structure = co_await sees_or_ends(marks.key_open, gap);
  if (!structure) structure = co_await sees_or_ends(marks.close, gap);
  const int next = co_await input.peek(gap);
  if (marks.open.empty() && next == Input::kEnd) structure = tools_->find(name) != nullptr;
  if (!structure) co_return false;
  begin(name, "");
  arguments("{");
  const Tool* tool = tools_->find(name);
  bool complete = false;
  for (bool first = true;; first = false) {
    gap = co_await spaces(0);
    here = co_await sees(marks.key_open, gap);
    if (here) {
      if (!first) arguments(", ");
      input.skip(gap + marks.key_open.size());
      const Read read = co_await element(tool, wrapper);
      if (read == Read::kComplete) continue;
      if (read == Read::kBad) arguments("}");
      break;
    }
    here = co_await sees(marks.close, gap);
    complete = here;
    if (here) {
      input.skip(gap + marks.close.size());
    } else {
      const int after = co_await input.peek(gap);
      if (after == Input::kEnd) break;
      here = co_await sees_or_ends(marks.close, gap);  // broken off inside it
      if (here) {
        input.skip(input.front(std::string_view::npos).size());
        break;
      }
      complete = true;  // all that was opened is closed; what follows is text
    }
    arguments("}");
    break;
  }
  end(complete);
  co_return true;
}

// Up to behind `end`. False: the answer ends before.
Parse<bool> AnswerParser::skip_to(std::string_view end, std::string& before) {
  for (;;) {
    const bool here = co_await sees(end, 0);
    if (here) break;
    const int byte = co_await input.peek();
    if (byte == Input::kEnd) co_return false;
    before += static_cast<char>(byte);
    input.skip(1);
  }
  input.skip(end.size());
  co_return true;
}

// The name of a call, with what ends it. GLM's ends with its line or with the first key.
Parse<bool> AnswerParser::element_name(std::string& name) {
  const CallMarks& marks = format_.marks;
  if (!marks.open.empty()) {
    bool named = co_await name_until(marks.name_end, "", name);
    if (named) take(marks.name_end.size());
    if (format_.escapes_names) name = unescaped(name);
    if (!named || marks.number_end.empty()) co_return named;
    constexpr size_t kMostDigits = 9;
    size_t digits = 0;
    for (int byte = co_await input.peek(); digits < kMostDigits && byte >= '0' && byte <= '9';
         byte = co_await input.peek(digits))
      ++digits;
    named = co_await sees(marks.number_end, digits);
    if (named) take(digits + marks.number_end.size());
    co_return named;
  }
  constexpr size_t kMaxName = 1024;
  while (name.size() <= kMaxName) {
    const int byte = co_await input.peek();
    bool over = byte == '\n' || byte == Input::kEnd;
    if (byte == '<') over = co_await sees(marks.key_open, 0);
    if (byte == '<' && !over) over = co_await sees(marks.close, 0);
    if (over) break;
    name += static_cast<char>(byte);
    take(1);
  }
  while (!name.empty() && is_space(name.back())) name.pop_back();
  co_return !name.empty();
}

// One parameter, from its name on. kBad: it is not sound, and nothing of it was written.
Parse<AnswerParser::Read> AnswerParser::element(const Tool* tool, const Wrapper& wrapper) {
  const CallMarks& marks = format_.marks;
  const std::vector<std::string> known = parameter_names(tool);
  std::string key;
  for (;;) {
    bool over = co_await sees(marks.key_end, 0);
    if (over) {
      const std::string longer = key + marks.key_end;
      over = std::none_of(known.begin(), known.end(), [&](const std::string& name) {
        return name.size() > longer.size() && name.starts_with(longer);
      });
    }
    if (over) break;
    const int byte = co_await input.peek();
    if (byte == Input::kEnd) co_return Read::kEnd;
    key += static_cast<char>(byte);
    input.skip(1);
  }
  input.skip(marks.key_end.size());
  if (format_.escapes_names) key = unescaped(key);
  unsigned types = parameter_types(tool, key);
  if (format_.type_style != TypeStyle::kNone) {
    std::string type;
    const bool read = co_await skip_to(marks.type_end, type);
    if (!read) co_return Read::kEnd;
    const bool text = type == (format_.type_style == TypeStyle::kIsString ? "true" : "string");
    if (text) types = kStringType;
    if (!text && types == kStringType) types = kAnyType;
  }
  if (!marks.value_open.empty()) {
    const size_t gap = co_await spaces(0);
    const bool here = co_await sees(marks.value_open, gap);
    if (here) input.skip(gap + marks.value_open.size());
  }
  std::string json = "\"";
  append_json_text(json, key);
  arguments(json + "\": ");
  const Read read = co_await element_value(types, wrapper);
  co_return read;
}

// To behind the closing tag. A string is written as it comes; whether another value is one shows at its end.
Parse<AnswerParser::Read> AnswerParser::element_value(unsigned types, const Wrapper& wrapper) {
  const CallMarks& marks = format_.marks;
  const bool streamed = types == kStringType;
  std::string text;
  if (format_.lines_around_values) {
    const bool line = co_await sees("\n", 0);
    if (line) input.skip(1);
  }
  if (streamed) arguments("\"");
  Read read = Read::kComplete;
  for (;;) {
    const int byte = co_await input.peek();
    if (byte == Input::kEnd) {
      read = Read::kEnd;
      break;
    }
    const size_t line = byte == '\n' && format_.lines_around_values ? 1 : 0;
    int tag = byte;
    if (line) tag = co_await input.peek(line);
    bool closes = false;
    if (tag == '<') closes = co_await closes_value(line, wrapper);
    if (closes) {
      const size_t left = input.front(std::string_view::npos).size();
      if (left < line + marks.value_close.size()) read = Read::kEnd;
      input.skip(std::min(left, line + marks.value_close.size()));
      break;
    }
    const char letter = static_cast<char>(byte);
    if (streamed) {
      std::string json;
      append_json_text(json, {&letter, 1});
      arguments(json);
    } else {
      text += letter;
    }
    input.skip(1);
  }
  if (!streamed) arguments(typed_value(text, types));
  if (streamed && read == Read::kComplete) arguments("\"");
  co_return read;
}

Parse<bool> AnswerParser::closes_value(size_t offset, const Wrapper& wrapper) {
  const CallMarks& marks = format_.marks;
  const bool tag = co_await sees_or_ends(marks.value_close, offset);
  if (!tag) co_return false;
  size_t at = offset + marks.value_close.size();
  at += co_await spaces(at);
  const bool next_key = co_await sees_or_ends(marks.key_open, at);
  if (next_key) co_return true;
  if (!wrapper.close.empty()) {  // a model may forget to close the call itself
    const bool over = co_await sees_or_ends(wrapper.close, at);
    if (over) co_return true;
  }
  const bool call_over = co_await sees_or_ends(marks.close, at);
  if (!call_over) co_return false;
  if (wrapper.close.empty()) co_return true;
  at += marks.close.size();
  at += co_await spaces(at);
  const bool block_over = co_await sees_or_ends(wrapper.close, at);
  if (block_over) co_return true;
  const bool next_call = co_await sees_or_ends(marks.open, at);
  co_return next_call;
}

}  // namespace ferrum::tools
