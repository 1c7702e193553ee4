// Calls as elements: <function=name><parameter=key>value</parameter></function> in the spelling of a family.
//
// A value is any text. What looks like its closing tag closes it only where the next parameter, the end of
// the call or the end of the answer follows.
#include <algorithm>
#include <cstdint>

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

// A mark up to the quotation mark that it may end with.
std::string_view without_quote(std::string_view mark) {
  return mark.ends_with('"') ? mark.substr(0, mark.size() - 1) : mark;
}

constexpr size_t kNotHere = SIZE_MAX;

}  // namespace

Parse<bool> AnswerParser::element_call(const Wrapper& wrapper) {
  const CallMarks& marks = format_.marks;
  bool here = co_await sees_tag(marks.open, 0);
  if (!here) co_return false;
  std::string name;
  here = co_await element_name(name);
  if (!here || !accepts(name)) co_return false;
  size_t gap = co_await spaces(0);
  bool structure = co_await sees_or_ends(without_quote(marks.key_open), gap);
  if (!structure) structure = co_await sees_or_ends(marks.close, gap);
  const int next = co_await input.peek(gap);
  if (marks.open.empty() && next == Input::kEnd) structure = tools_->find(name) != nullptr;
  if (!structure) co_return false;
  begin(name, "");
  arguments("{");
  Element parameter = {.tool = tools_->find(name), .wrapper = wrapper, .missing = {}};
  parameter.missing = required_parameters(parameter.tool);
  bool complete = false;
  for (;;) {
    gap = co_await spaces(0);
    here = co_await sees_tag(marks.key_open, gap);
    if (here) {
      input.skip(gap);
      const Read read = co_await element(parameter);
      if (read == Read::kComplete) continue;
      break;
    }
    here = co_await sees(marks.close, gap);
    complete = here;
    if (here) {
      input.skip(gap + marks.close.size());
    } else {
      here = co_await sees_or_ends(without_quote(marks.key_open), gap);  // broken off before the key
      if (here) break;
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

// A mark, whose quotation mark, if it ends with one, may be the other one.
Parse<bool> AnswerParser::sees_tag(std::string_view mark, size_t offset) {
  const std::string_view begin = without_quote(mark);
  bool here = co_await sees(begin, offset);
  if (here && begin.size() < mark.size()) {
    const int quote = co_await input.peek(offset + begin.size());
    here = quote == '"' || quote == '\'';
  }
  co_return here;
}

// What ends the attribute that such a mark begins here.
std::string AnswerParser::attribute_end(std::string_view mark, std::string_view end) {
  std::string out(end);
  const size_t begin = without_quote(mark).size();
  if (begin < mark.size()) std::ranges::replace(out, '"', input.front(mark.size())[begin]);
  return out;
}

// What is written of a value's type, to behind `end`. False: something else stands here.
Parse<bool> AnswerParser::element_type(std::string_view end, std::string& type) {
  const std::vector<std::string_view> words =
      format_.type_style == TypeStyle::kIsString
          ? std::vector<std::string_view>{"true", "false"}
          : std::vector<std::string_view>{"string", "number", "integer", "boolean",
                                          "object", "array",  "null"};
  for (const std::string_view word : words) {
    bool here = co_await sees(word, 0);
    if (here) here = co_await sees(end, word.size());
    if (!here) continue;
    type = word;
    keep(word.size() + end.size());
    co_return true;
  }
  co_return false;
}

// The name of a call, with the marks around it. GLM's ends with its line or with the first key.
Parse<bool> AnswerParser::element_name(std::string& name) {
  const CallMarks& marks = format_.marks;
  if (!marks.open.empty()) {
    const std::string name_end = attribute_end(marks.open, marks.name_end);
    const std::string number_end = attribute_end(marks.open, marks.number_end);
    take(marks.open.size());
    bool named = co_await name_until({name_end}, name);
    if (named) take(name_end.size());
    if (format_.escapes_names) name = unescaped(name);
    if (!named || marks.number_end.empty()) co_return named;
    constexpr size_t kMostDigits = 9;
    size_t digits = 0;
    for (int byte = co_await input.peek(); digits < kMostDigits && byte >= '0' && byte <= '9';
         byte = co_await input.peek(digits))
      ++digits;
    named = co_await sees(number_end, digits);
    if (named) take(digits + number_end.size());
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

// One parameter, from the mark before its name on. Where it is not sound, raw_ has what was read and not
// written.
Parse<AnswerParser::Read> AnswerParser::element(Element& of) {
  const CallMarks& marks = format_.marks;
  const std::vector<std::string> known = parameter_names(of.tool);
  const std::string key_end = attribute_end(marks.key_open, marks.key_end);
  const std::string type_end = attribute_end(marks.key_open, marks.type_end);
  keep(marks.key_open.size());
  std::string key;
  for (;;) {
    bool over = co_await sees(key_end, 0);
    if (over) {
      const std::string longer = key + key_end;
      over = std::none_of(known.begin(), known.end(), [&](const std::string& name) {
        return name.size() > longer.size() && name.starts_with(longer);
      });
    }
    if (over) break;
    const int byte = co_await input.peek();
    if (byte == Input::kEnd) co_return Read::kEnd;
    key += static_cast<char>(byte);
    keep(1);
  }
  keep(key_end.size());
  if (format_.escapes_names) key = unescaped(key);
  std::erase(of.missing, key);
  of.takes_any_text = takes_any_text(of.tool, key);
  unsigned types = parameter_types(of.tool, key);
  if (format_.type_style != TypeStyle::kNone) {
    std::string type;
    const bool read = co_await element_type(type_end, type);
    if (!read) co_return Read::kBad;
    const bool text = type == (format_.type_style == TypeStyle::kIsString ? "true" : "string");
    if (text) types = kStringType;
    if (!text && types == kStringType) types = kAnyType;
  }
  if (!marks.value_open.empty()) {
    const size_t gap = co_await spaces(0);
    const bool here = co_await sees(marks.value_open, gap);
    if (here) input.skip(gap + marks.value_open.size());
  }
  raw_.clear();
  std::string json = std::exchange(of.first, false) ? "\"" : ", \"";
  append_json_text(json, key);
  arguments(json + "\": ");
  const Read read = co_await element_value(types, of);
  co_return read;
}

// To behind the closing tag. A string is written as it comes; whether another value is one shows at its end.
Parse<AnswerParser::Read> AnswerParser::element_value(unsigned types, const Element& of) {
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
    if (tag == '<') closes = co_await closes_value(line, of);
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

Parse<bool> AnswerParser::closes_value(size_t offset, const Element& of) {
  const bool tag = co_await sees_or_ends(format_.marks.value_close, offset);
  if (!tag) co_return false;
  offset += format_.marks.value_close.size();
  const size_t gap = co_await spaces(offset);
  const bool next_key = co_await sees_or_ends(without_quote(format_.marks.key_open), offset + gap);
  if (next_key) co_return true;
  const size_t end = co_await end_of_call(offset, of.wrapper);
  if (end == kNotHere) co_return false;
  const bool goes_on = co_await value_goes_on(end, of);
  co_return !goes_on;
}

// Behind what ends a call, and the block or what else must follow it; kNotHere: something else stands at
// `offset`. An answer that breaks off there has all of it.
Parse<size_t> AnswerParser::end_of_call(size_t offset, const Wrapper& wrapper) {
  const CallMarks& marks = format_.marks;
  size_t at = offset;
  at += co_await spaces(at);
  if (!wrapper.close.empty()) {  // a model may forget to close the call itself
    const bool over = co_await sees_or_ends(wrapper.close, at);
    if (over) co_return at + wrapper.close.size();
  }
  const bool call_over = co_await sees_or_ends(marks.close, at);
  if (!call_over) co_return kNotHere;
  at += marks.close.size();
  if (wrapper.close.empty()) co_return at;
  at += co_await spaces(at);
  const bool block_over = co_await sees_or_ends(wrapper.close, at);
  if (block_over) co_return at + wrapper.close.size();
  const bool next_call = co_await sees_or_ends(without_quote(marks.open), at);
  co_return next_call ? at : kNotHere;
}

// A text that quotes a whole call may go on behind what looks like the call's end. It does where text follows
// that leads to another end before anything begins. Only of texts of any form, and only if no parameter
// follows but one that the call must have: else a call that a grammar held to its schema could become
// another.
Parse<bool> AnswerParser::value_goes_on(size_t offset, const Element& of) {
  const CallMarks& marks = format_.marks;
  if (!of.takes_any_text) co_return false;
  size_t at = offset;
  at += co_await spaces(at);
  for (;; ++at) {
    const int byte = co_await input.peek(at);
    if (byte == Input::kEnd) co_return false;
    if (byte != '<') continue;
    for (const std::string_view open : {of.wrapper.open, marks.open, marks.key_open}) {
      if (open.empty()) continue;
      const bool begins = co_await sees(without_quote(open), at);
      if (begins) co_return false;
    }
    const bool tag = co_await sees(marks.value_close, at);
    if (!tag) continue;
    size_t behind = at + marks.value_close.size();
    const size_t end = co_await end_of_call(behind, of.wrapper);
    if (end != kNotHere) co_return true;
    behind += co_await spaces(behind);
    const bool next_key = co_await sees(without_quote(marks.key_open), behind);
    if (next_key) co_return !of.missing.empty();
  }
}

}  // namespace ferrum::tools
