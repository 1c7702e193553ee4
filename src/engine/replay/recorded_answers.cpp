#include "engine/replay/recorded_answers.h"

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <utility>

#include "base/ascii.h"
#include "base/error.h"
#include "base/json.h"
#include "base/mapped_file.h"

namespace ferrum {
namespace {

constexpr std::array<std::string_view, 4> kTextKeys = {"answer", "text", "content", "output"};

bool is_text_key(std::string_view key) {
  return std::find(kTextKeys.begin(), kTextKeys.end(), key) != kTextKeys.end();
}

std::string text_of(const Json& value, std::string_view key, const std::string& place) {
  if (!value.is_string()) fail(ErrorCode::kBadFile, "{}: {} must be a string", place, in_quotes(key));
  return value.get<std::string>();
}

bool matches(const Regex& regex, std::string_view text) {
  bool found = false;
  regex.for_each_match(text, [&](size_t, size_t) { found = true; });
  return found;
}

}  // namespace

RecordedAnswers::RecordedAnswers(const std::filesystem::path& path) : file_(in_quotes(path.string())) {
  const auto file = MappedFile::open(path);
  std::string_view rest = file->text();
  for (int number = 1; !rest.empty(); ++number) {
    const size_t end = std::min(rest.find('\n'), rest.size());
    const std::string_view line = trimmed(rest.substr(0, end));
    rest.remove_prefix(std::min(end + 1, rest.size()));
    if (!line.empty()) answers_.push_back(read_line(line, fmt::format("{}: line {}", file_, number)));
  }
  if (answers_.empty()) fail(ErrorCode::kBadFile, "{}: has no recorded answer", file_);
}

RecordedAnswers::Answer RecordedAnswers::read_line(std::string_view line, const std::string& place) {
  const Json json = parse_json(line, place);
  Answer answer;
  if (json.is_string()) {
    answer.text = json.get<std::string>();
    return answer;
  }
  if (!json.is_object())
    fail(ErrorCode::kBadFile, "{}: an answer is a string or an object, not {}", place, json.type_name());
  int texts = 0;
  for (const auto& [key, value] : json.items()) {
    if (is_text_key(key)) {
      answer.text = text_of(value, key, place);
      ++texts;
    } else if (key == "when") {
      answer.when = text_of(value, key, place);
    } else if (key == "when_prompt") {
      answer.when_prompt = text_of(value, key, place);
    } else if (key == "when_regex") {
      answer.when_regex.emplace(text_of(value, key, place), place + ": when_regex");
    } else {
      fail(ErrorCode::kBadFile, "{}: {} is none of answer, when, when_regex and when_prompt", place,
           in_quotes(key));
    }
  }
  if (texts != 1)
    fail(ErrorCode::kBadFile, "{}: an object has one of \"answer\", \"text\", \"content\" and \"output\"",
         place);
  return answer;
}

size_t RecordedAnswers::take(std::string_view news, FunctionRef<std::string()> prompt) {
  std::optional<std::string> whole;
  const auto in_prompt = [&](const std::string& part) {
    if (!whole) whole = prompt();
    return whole->find(part) != std::string::npos;
  };
  const auto holds = [&](const Answer& answer) {
    return answer.has_conditions() && (!answer.when || news.find(*answer.when) != news.npos) &&
           (!answer.when_regex || matches(*answer.when_regex, news)) &&
           (!answer.when_prompt || in_prompt(*answer.when_prompt));
  };
  const std::lock_guard lock(mutex_);
  Answer* taken = nullptr;
  const auto consider = [&](Answer& answer) {
    if (taken == nullptr || answer.given < taken->given) taken = &answer;
  };
  for (Answer& answer : answers_)
    if (holds(answer)) consider(answer);
  if (taken == nullptr)
    for (Answer& answer : answers_)
      if (!answer.has_conditions()) consider(answer);
  if (taken == nullptr)
    fail(ErrorCode::kBadArgument, "no answer is recorded for this request: the conditions of none in {} hold",
         file_);
  ++taken->given;
  return static_cast<size_t>(taken - answers_.data());
}

}  // namespace ferrum
