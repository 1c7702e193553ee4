// Answers that are messages with headers: OpenAI's Harmony, and Functionary's recipients.
#include "tools/answer_parser.h"

namespace ferrum::tools {
namespace {

constexpr std::string_view kStart = "<|start|>";
constexpr std::string_view kChannel = "<|channel|>";
constexpr std::string_view kMessage = "<|message|>";

// The word behind `mark` in a header; empty where there is none.
std::string_view word_behind(std::string_view header, std::string_view mark) {
  const size_t at = header.find(mark);
  if (at == std::string_view::npos) return {};
  header.remove_prefix(at + mark.size());
  return header.substr(0, header.find_first_of(" <\n"));
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
    if (in_header) sink.message();
    std::string_view recipient = word_behind(header, "to=");
    const std::string_view channel = word_behind(header, kChannel);
    constexpr std::string_view kFunctions = "functions.";
    const bool function = recipient.starts_with(kFunctions);
    if (function) recipient.remove_prefix(kFunctions.size());
    const bool is_call = !recipient.empty() && recipient != "assistant" && recipient != "user" && may_call();
    if (in_header && is_call) {
      co_await message_call(recipient);
    } else if (in_header && channel == "analysis") {
      sink.open_thought();
    } else if (in_header) {
      sink.close_thought();
    }
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
