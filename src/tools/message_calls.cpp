// Answers that are messages with headers: OpenAI's Harmony, and Functionary's recipients.
#include <algorithm>
#include <utility>

#include "tools/answer_parser.h"

namespace ferrum::tools {
namespace {

constexpr std::string_view kStart = "<|start|>";
constexpr std::string_view kChannel = "<|channel|>";
constexpr std::string_view kConstrain = "<|constrain|>";
constexpr std::string_view kMessage = "<|message|>";

struct Header {
  std::string_view function;  // the recipient, "functions." aside
  std::string_view channel;
  std::string rest;  // what has no place in a header
};

// The words of a header: who writes, to whom, on which channel, and what kind of text.
Header read_header(std::string_view text) {
  constexpr std::string_view kTo = "to=", kFunctions = "functions.";
  Header header;
  std::string_view mark;  // the word stands right behind it
  while (!text.empty()) {
    std::string_view here;
    for (const std::string_view each : {kStart, kChannel, kConstrain})
      if (text.starts_with(each)) here = each;
    if (!here.empty() || is_space(text[0])) {
      mark = here;
      text.remove_prefix(std::max<size_t>(here.size(), 1));
      continue;
    }
    const std::string_view word = text.substr(0, text.find_first_of(" \n\r\t<", 1));
    text.remove_prefix(word.size());
    const std::string_view behind = std::exchange(mark, {});
    std::string_view to = word.starts_with(kTo) ? word.substr(kTo.size()) : std::string_view();
    if (is_one_of(to, {"assistant", "user"})) continue;
    if (to.starts_with(kFunctions)) to.remove_prefix(kFunctions.size());
    if (!to.empty() && header.function.empty()) {
      header.function = to;
    } else if (behind == kChannel && is_one_of(word, {"analysis", "commentary", "final"})) {
      header.channel = word;
    } else if (!(behind == kStart && word == "assistant") &&
               !(text.empty() && is_one_of(word, {"json", "code"}))) {
      header.rest += (header.rest.empty() ? "" : " ") + std::string(word);
    }
  }
  return header;
}

}  // namespace

Parse<bool> AnswerParser::channels() {
  bool in_header = options_.phase == Phase::kHeader;
  for (;;) {
    const int byte = co_await input.peek();
    if (byte == Input::kEnd) co_return true;
    std::string header;
    if (in_header) {
      const bool headed = co_await channel_header(header);
      in_header = headed;
      if (!headed) give_up();
      raw_.clear();
    }
    if (in_header) co_await message(header);
    co_await message_text();
    in_header = true;
  }
}

// To behind <|message|>. False: no header is here; what was read is in raw_.
Parse<bool> AnswerParser::channel_header(std::string& header) {
  constexpr size_t kMaxHeader = 512;  // bytes
  const size_t gap = co_await spaces(0);
  bool begins = false;
  for (const std::string_view mark : {kStart, kChannel, std::string_view("to="), kMessage}) {
    if (!begins) begins = co_await sees(mark, gap);
  }
  if (!begins) co_return false;
  while (header.size() <= kMaxHeader) {
    const int byte = co_await input.peek();
    if (byte == Input::kEnd) co_return false;
    bool over = false;
    if (byte == '<') over = co_await sees(kMessage, 0);
    if (over) {
      input.skip(kMessage.size());
      co_return true;
    }
    header += static_cast<char>(byte);
    take(1);
  }
  co_return false;
}

// What a header says of the message behind it, and the message itself if it is a call.
Parse<bool> AnswerParser::message(std::string header_text) {
  const Header header = read_header(header_text);
  std::string rest = header.rest;
  const bool to_function = !header.function.empty();
  if (to_function && !may_call())
    rest = "to=" + std::string(header.function) + (rest.empty() ? "" : " ") + rest;
  if (header.channel == "analysis" && !to_function) sink.open_thought();
  for (const std::string& text : {rest, std::string()}) {
    sink.message();
    sink.text(text);
  }
  if (to_function && may_call()) co_await message_call(header.function);
  co_return true;
}

// The text of a message up to the mark that ends it, or to the next header.
Parse<bool> AnswerParser::message_text() {
  for (;;) {
    const int byte = co_await input.peek();
    if (byte == Input::kEnd) co_return true;
    if (byte == '<') {
      const size_t mark = co_await message_end();
      bool header = false;
      if (mark == 0) header = co_await sees(kStart, 0);
      if (mark == 0 && !header) header = co_await sees(kChannel, 0);
      input.skip(mark);
      if (mark > 0 || header) {
        sink.close_thought();
        co_return true;
      }
    }
    const char letter = static_cast<char>(byte);
    sink.text({&letter, 1});
    input.skip(1);
  }
}

Parse<size_t> AnswerParser::message_end() {
  for (const std::string_view mark :
       {std::string_view("<|end|>"), std::string_view("<|return|>"), std::string_view("<|call|>")}) {
    const bool here = co_await sees(mark, 0);
    if (here) co_return mark.size();
  }
  co_return 0;
}

// A message to a function: JSON, or for tools like `python` text, which becomes {"code": text} where that is
// what the function takes.
Parse<bool> AnswerParser::message_call(std::string_view name) {
  const std::string called(name);
  const size_t gap = co_await spaces(0);
  const int next = co_await input.peek(gap);
  begin(called, "");
  if (next == '{') {
    take(gap);
    const Read read = co_await literal(Dialect::kJson, nullptr);
    end(read == Read::kComplete);
    give_up();
    co_return true;
  }
  size_t over = co_await message_end();
  if (over > 0) {
    arguments("{}");
    end(true);
    co_return true;
  }
  std::string begin_of_text = "{\"";
  append_json_text(begin_of_text, text_parameter(tools_->find(called)));
  arguments(begin_of_text + "\": \"");
  for (;;) {
    const int byte = co_await input.peek();
    over = 0;
    if (byte == '<') over = co_await message_end();
    if (byte == Input::kEnd || over > 0) break;
    const char letter = static_cast<char>(byte);
    std::string json;
    append_json_text(json, {&letter, 1});
    arguments(json);
    input.skip(1);
  }
  if (over > 0) arguments("\"}");
  end(over > 0);
  co_return true;
}

// Functionary: "all" and content, or a function's name and its arguments. False: no recipient stands here.
Parse<bool> AnswerParser::recipient() {
  constexpr std::string_view kAll = "all";
  std::string name;
  for (;;) {
    bool over = co_await sees(format_.marks.name_end, 0);
    if (over) over = !tools_->continues(name + format_.marks.name_end);
    if (over) break;
    const int byte = co_await input.peek();
    if (byte == Input::kEnd) co_return false;
    name += static_cast<char>(byte);
    if (!kAll.starts_with(name) && !tools_->find(name) && !tools_->continues(name)) co_return false;
    take(1);
  }
  const bool content = name == kAll;
  if (!content && (!tools_->find(name) || !may_call())) co_return false;
  take(format_.marks.name_end.size());
  if (content) {
    raw_.clear();
    sink.mark();
    co_return true;
  }
  const size_t gap = co_await spaces(0);
  const int next = co_await input.peek(gap);
  if (next != '{') co_return false;
  take(gap);
  begin(name, "");
  const Read read = co_await literal(Dialect::kJson, nullptr);
  end(read == Read::kComplete);
  give_up();
  co_return true;
}

}  // namespace ferrum::tools
