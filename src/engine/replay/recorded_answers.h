// A file of recorded answers, and which of them a request gets.
//
// Each line is one answer: a JSON string, or an object with the text as "answer", "text", "content" or
// "output" and with conditions: "when" and "when_regex" are looked for in the request's last message,
// "when_prompt" in the whole prompt. Empty lines count for nothing.
#pragma once
#include <filesystem>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/function_ref.h"
#include "text/regex.h"

namespace ferrum {

class RecordedAnswers {
 public:
  // Errors kNotFound and kIo; kBadFile naming the line, or a file without answers.
  explicit RecordedAnswers(const std::filesystem::path& path);

  // The text of an answer, control tokens spelled out.
  const std::string& text(size_t index) const { return answers_[index].text; }
  size_t size() const { return answers_.size(); }

  // The answer that the next request gets, as an index. Of those with conditions that all hold it is the one
  // that was given least often, of several the first. If there is none: those without conditions, one after
  // the other and again from the first. Error kBadArgument if there is none of these either. `news`: what was
  // said since the model's last answer; `prompt`: the whole prompt as the model reads it. For any thread:
  // each call is one request, in the order of the calls.
  size_t take(std::string_view news, FunctionRef<std::string()> prompt);

 private:
  struct Answer {
    std::string text;
    std::optional<std::string> when, when_prompt;
    std::optional<Regex> when_regex;
    size_t given = 0;  // how often

    bool has_conditions() const { return when || when_prompt || when_regex; }
  };
  static Answer read_line(std::string_view line, const std::string& place);

  std::string file_;  // for messages
  std::vector<Answer> answers_;
  std::mutex mutex_;  // of how often answers were given
};

}  // namespace ferrum
