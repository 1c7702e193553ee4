// Calls that begin with a name: JSON behind a mark, Gemma's objects, Python's calls.
#include <algorithm>

#include "tools/answer_parser.h"

namespace ferrum::tools {
namespace {

bool is_word(int byte) {
  return (byte >= '0' && byte <= '9') || ((byte | 0x20) >= 'a' && (byte | 0x20) <= 'z') || byte == '_' ||
         byte == '.' || byte == '-' || byte >= 0x80;
}

void trim(std::string& text) {
  while (!text.empty() && is_space(text.back())) text.pop_back();
  text.erase(0, static_cast<size_t>(std::find_if_not(text.begin(), text.end(), is_space) - text.begin()));
}

// functions.name:3
std::string kimi_name(std::string_view id) {
  constexpr std::string_view kSpace = "functions.";
  if (id.starts_with(kSpace)) id.remove_prefix(kSpace.size());
  const size_t colon = id.rfind(':');
  const bool numbered = colon != std::string_view::npos && colon + 1 < id.size() &&
                        id.find_first_not_of("0123456789", colon + 1) == std::string_view::npos;
  return std::string(numbered ? id.substr(0, colon) : id);
}

}  // namespace

Parse<bool> AnswerParser::named_call(const Wrapper& wrapper) {
  const CallMarks& marks = format_.marks;
  bool here = co_await sees(marks.open, 0);
  // DeepSeek R1 leaves the mark out behind the one that begins all calls; Mistral's list begins with the
  // same.
  const bool may_lack_mark =
      (format_.name_style == NameStyle::kDeepSeek && !wrapper.open.empty()) || wrapper.open == marks.open;
  if (!here && !may_lack_mark) co_return false;
  if (here) take(marks.open.size());
  std::string name;
  const std::string_view bare_end = format_.may_lack_name_end ? "{" : "";
  here = co_await name_until({marks.name_end, marks.id, bare_end}, name);
  if (!here) co_return false;
  std::string id;
  if (!marks.id.empty()) {
    here = co_await sees(marks.id, 0);
    if (here) {
      take(marks.id.size());
      here = co_await name_until({marks.name_end, "", bare_end}, id);
      if (!here) co_return false;
    }
  }
  here = co_await sees(marks.name_end, 0);
  if (here) take(marks.name_end.size());
  trim(name);
  // Without a mark behind it, only what looks like a name is one.
  if (!here && !tools_->find(name) && !std::ranges::all_of(name, is_word)) co_return false;
  size_t gap = co_await spaces(0);
  int next = co_await input.peek(gap);
  bool fenced = false;
  if (marks.name_end == "<｜tool▁sep｜>" && next != '{') {  // DeepSeek R1 and V3: the name comes now
    if (name != "function") co_return false;
    take(gap);
    name.clear();
    here = co_await name_until({"\n", "```"}, name);
    if (!here) co_return false;
    gap = co_await spaces(0);
    take(gap);
    fenced = co_await sees("```", 0);
    if (fenced) take(3);
    here = co_await sees("json", 0);
    if (fenced && here) take(4);
    gap = co_await spaces(0);
    next = co_await input.peek(gap);
  }
  trim(name);
  if (format_.name_style == NameStyle::kKimi) {
    id = name;
    name = kimi_name(id);
    if (name == id) id.clear();
  }
  bool empty = false;
  if (!marks.close.empty()) empty = co_await sees(marks.close, gap);
  if (!accepts(name) || (next != '{' && next != Input::kEnd && !empty)) co_return false;
  take(gap);
  begin(name, id);
  bool complete = empty;
  if (empty) {
    arguments("{}");
  } else {
    const Read read = co_await literal(Dialect::kJson, nullptr);
    complete = read == Read::kComplete;
  }
  if (complete) {
    gap = co_await spaces(0);
    if (fenced) {
      here = co_await sees_or_ends("```", gap);
      if (here) {
        input.skip(std::min(gap + 3, input.front(std::string_view::npos).size()));
        gap = co_await spaces(0);
      }
    }
    if (!marks.close.empty()) {
      here = co_await sees_or_ends(marks.close, gap);
      if (here) input.skip(std::min(gap + marks.close.size(), input.front(std::string_view::npos).size()));
    }
  }
  end(complete);
  co_return true;
}

Parse<bool> AnswerParser::gemma_call() {
  bool here = co_await sees(format_.marks.open, 0);
  if (!here) co_return false;
  take(format_.marks.open.size());
  std::string name;
  here = co_await name_until({"{"}, name);
  trim(name);
  if (!here || !accepts(name)) co_return false;
  begin(name, "");
  const Read read = co_await literal(Dialect::kGemma, nullptr);
  end(read == Read::kComplete);
  co_return true;
}

Parse<bool> AnswerParser::python_call() {
  std::string name;
  for (;;) {
    const int byte = co_await input.peek();
    if (byte == Input::kEnd) co_return false;
    if (byte == '(' && !tools_->continues(name + '(')) break;
    if (!is_word(byte) && !tools_->continues(name + static_cast<char>(byte))) co_return false;
    if (bare_ && !tools_->continues(name)) co_return false;
    name += static_cast<char>(byte);
    take(1);
  }
  if (!accepts(name)) co_return false;
  take(1);
  begin(name, "");
  co_await python_arguments();
  co_return true;
}

// key='value', … behind the opening parenthesis of a call, to the closing one. A value without a key belongs
// to the parameter at its place.
Parse<bool> AnswerParser::python_arguments() {
  const std::vector<std::string> names = parameter_names(tools_->find(sink.last_name()));
  arguments("{");
  for (size_t place = 0;; ++place) {
    size_t gap = co_await spaces(0);
    take(gap);
    int byte = co_await input.peek();
    if (byte == ')') {
      take(1);
      arguments("}");
      end(true);
      co_return true;
    }
    if (byte == Input::kEnd) break;
    size_t size = 0;
    for (byte = co_await input.peek(size); byte != '-' && byte != '.' && is_word(byte);
         byte = co_await input.peek(size))
      ++size;
    gap = co_await spaces(size);
    byte = co_await input.peek(size + gap);
    std::string key = place < names.size() ? names[place] : "argument_" + std::to_string(place + 1);
    if (byte == '=' && size > 0) {
      key = std::string(input.front(size));
      take(size + gap + 1);
      gap = co_await spaces(0);
      take(gap);
    }
    std::string json = place > 0 ? ", \"" : "\"";
    append_json_text(json, key);
    arguments(json + "\": ");
    const Read read = co_await literal(Dialect::kPython, nullptr);
    if (read != Read::kComplete) break;
    gap = co_await spaces(0);
    take(gap);
    byte = co_await input.peek();
    if (byte == ',') {
      take(1);
    } else if (byte != ')') {
      break;
    }
  }
  end(false);
  co_return true;
}

}  // namespace ferrum::tools
