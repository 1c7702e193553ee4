// Whatever a model writes, broken or not, is found again: in the content, in the thoughts, or in a call's
// name, id or arguments. Answers of all families are cut, gain a word anywhere, and are changed at random
// places.
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <memory>
#include <regex>
#include <string>
#include <vector>

#include "base/random.h"
#include "tools/answers.h"

namespace ferrum::tools::testing {
namespace {

const std::shared_ptr<const ToolList>& tool_list() {
  static const auto kList = std::make_shared<const ToolList>(tools_json());
  return kList;
}

enum class Kind { kOther, kLetter, kBeyondAscii };

Kind kind_of(char c) {
  const auto byte = static_cast<unsigned char>(c);
  if (byte >= 0x80) return Kind::kBeyondAscii;
  const bool letter = (byte >= '0' && byte <= '9') || ((byte | 0x20U) >= 'a' && (byte | 0x20U) <= 'z');
  return letter ? Kind::kLetter : Kind::kOther;
}

std::string lower(std::string text) {
  std::ranges::transform(text, text.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c;
  });
  return text;
}

size_t count(std::string_view text, std::string_view word) {
  size_t times = 0;
  for (size_t at = text.find(word); at != std::string_view::npos; at = text.find(word, at + word.size()))
    ++times;
  return times;
}

void replace(std::string& text, const std::string& from, std::string_view to) {
  if (from.empty()) return;
  for (size_t at = text.find(from); at != std::string::npos; at = text.find(from, at + to.size()))
    text.replace(at, from.size(), to);
}

// What stands around texts and says nothing by itself, the longest first.
std::vector<std::string> marks_of(const Format& format) {
  std::vector<std::string> all = format.silent;
  for (const Wrapper& wrapper : format.wrappers)
    all.insert(all.end(), {wrapper.open, wrapper.close == "```" ? "" : wrapper.close});
  for (const CallMarks& marks : spellings(format.marks)) {
    all.insert(all.end(), {marks.open, marks.id, marks.name_end, marks.close, marks.key_open, marks.key_end,
                           marks.type_end, marks.value_open, marks.value_close});
    for (const char* type : {"true", "false", "string", "number", "boolean"})
      if (const std::string end = type + marks.type_end; !marks.type_end.empty())
        all.insert(all.end(), {marks.key_end + end, marks.key_end.substr(1) + end});
  }
  all.insert(all.end(), {format.reasoning.open, format.reasoning.close, format.code_open, format.quote});
  if (format.syntax == Syntax::kObjects || format.syntax == Syntax::kNamed ||
      format.syntax == Syntax::kPython)
    for (const char* key : {"name", "tool_name", "arguments", "parameters", "args", "input", "function", "id",
                            "tool_call_id", "type"})
      all.push_back('"' + std::string(key) + '"');
  const std::map<std::string, std::vector<std::string>> of_family = {
      {"kimi", {"functions."}},
      {"kimi-k3", {"&quot;", "&amp;"}},
      {"command-r", {"directly_answer"}},
      {"llama3", {".call("}},
      {"deepseek-v3", {"function<｜tool▁sep｜>", "```json"}},
      {"functionary-v3.2", {">>>all\n", "all\n"}},
      {"functionary-v2", {"all\n<|content|>"}},
      {"harmony",
       {"<|start|>assistant", "<|start|>", "<|channel|>analysis", "<|channel|>commentary", "<|channel|>final",
        "<|channel|>", "to=functions.", "to=assistant", "to=", "<|constrain|>json", "<|constrain|>",
        "json<|message|>", "code<|message|>", "<|message|>", "<|end|>", "<|return|>", "<|call|>"}}};
  if (const auto own = of_family.find(format.family); own != of_family.end())
    all.insert(all.end(), own->second.begin(), own->second.end());
  std::erase(all, "");
  std::ranges::stable_sort(all,
                           [](const std::string& a, const std::string& b) { return a.size() > b.size(); });
  return all;
}

std::string without(std::string_view text, const std::vector<std::string>& marks) {
  std::string rest;
  while (!text.empty()) {
    const auto mark =
        std::ranges::find_if(marks, [&](const std::string& each) { return text.starts_with(each); });
    rest += mark == marks.end() ? text[0] : ' ';
    text.remove_prefix(mark == marks.end() ? 1 : mark->size());
  }
  return rest;
}

std::string everything(const ParsedAnswer& answer) {
  std::string text = answer.content + '\n' + answer.reasoning;
  for (const ParsedCall& call : answer.calls)
    text += '\n' + call.id + '\n' + call.name + '\n' + call.arguments;
  return lower(std::move(text));
}

// The first word of `source` that is found less often in what was made of it; empty where all are there.
std::string lost_word(const Format& format, const std::vector<std::string>& marks, const std::string& source,
                      const ParsedAnswer& answer) {
  std::string rest = source;
  for (const ParsedCall& call : answer.calls)  // an id that comes twice is replaced
    if (call.id.size() > 6 && count(rest, call.id) > 1)
      replace(rest, call.id, call.id.find(call.name) == std::string::npos ? " " : call.name);
  static const std::regex kId(R"("(tool_call_)?id"\s*:\s*("[^"]*"|\d+))"),
      kNumber(R"rx(" index="\d+"<\|sep\|>)rx"), kEscape(R"(\\x[0-9a-fA-F]{2})");
  if (format.syntax == Syntax::kObjects || format.syntax == Syntax::kNamed)
    rest = std::regex_replace(rest, kId, " ");  // may come too late
  if (format.syntax == Syntax::kPython) rest = std::regex_replace(rest, kEscape, " ");
  if (!format.marks.number_end.empty()) rest = std::regex_replace(rest, kNumber, " ");
  size_t broken = 0;  // the mark that breaks off at the end
  for (const std::string& mark : marks)
    for (size_t size = std::min(mark.size() - 1, rest.size()); size > broken; --size)
      if (rest.ends_with(std::string_view(mark).substr(0, size)) &&
          (size > 2 || kind_of(mark[0]) == Kind::kOther))
        broken = size;
  rest.resize(rest.size() - broken);
  rest = lower(without(rest, marks));
  const std::string found = everything(answer);
  std::map<std::string, size_t> times;
  for (size_t at = 0; at < rest.size();) {
    size_t end = at;
    while (end < rest.size() && kind_of(rest[end]) == kind_of(rest[at])) ++end;
    if (kind_of(rest[at]) != Kind::kOther) ++times[rest.substr(at, end - at)];
    at = end;
  }
  for (const auto& [word, often] : times)
    if (count(found, word) + (word == "none" ? count(found, "null") : 0) < often) return word;
  return "";
}

class NothingLost : public ::testing::TestWithParam<std::string> {
 protected:
  ParsedAnswer parse(const Answer& answer, std::string_view text, size_t step, bool calls = true) const {
    Parser parser(format_, tool_list(), {.phase = answer.phase, .calls = calls});
    ParsedAnswer parsed;
    for (size_t at = 0; at < text.size(); at += step) parsed.add(parser.feed(text.substr(at, step)));
    parsed.add(parser.finish());
    return parsed;
  }
  // `then` is called with every answer of the family.
  template <class Then>
  void each(Then then) const {
    for (const Answer& answer : answers())
      if (answer.family == GetParam()) then(answer);
  }
  void expect_all(const Answer& answer, const std::string& text) const {
    const ParsedAnswer whole = parse(answer, text, text.size() + 1);
    const std::string lost = lost_word(format_, marks_, text, whole);
    EXPECT_TRUE(lost.empty()) << answer.name << ": " << lost << " is lost of\n"
                              << text << "\nin\n"
                              << everything(whole);
    EXPECT_EQ(parse(answer, text, 1), whole) << answer.name << ": a split changes\n" << text;
  }

  const Format format_ = format_named(GetParam());
  const std::vector<std::string> marks_ = marks_of(format_);
};

TEST_P(NothingLost, OfAnAnswerThatBreaksOff) {
  each([&](const Answer& answer) {
    for (size_t size = 1; size <= answer.text.size() && !HasFailure(); ++size)
      expect_all(answer, answer.text.substr(0, size));
  });
}

TEST_P(NothingLost, OfAWordThatStandsAnywhere) {
  const std::string word = "zq7";
  each([&](const Answer& answer) {
    for (const std::string& piece : {word, " " + word + " ", "\"" + word + "\", "})
      for (size_t at = 0; at <= answer.text.size() && !HasFailure(); ++at) {
        std::string text = answer.text;
        text.insert(at, piece);
        for (const bool calls : {true, false}) {
          static const std::regex kInId(R"("(tool_call_)?id"\s*:\s*"[^"]*zq7)");
          if (calls && std::regex_search(text, kInId)) continue;  // may come too late
          const std::string found = everything(parse(answer, text, text.size(), calls));
          EXPECT_NE(found.find(word), std::string::npos) << answer.name << ": the word is lost of\n"
                                                         << text << "\nin\n"
                                                         << found << (calls ? "" : "\nwithout calls");
        }
      }
  });
}

TEST_P(NothingLost, OfAnAnswerWithFaults) {
  constexpr int kFaulty = 100;  // of each answer
  uint64_t seed = 0;
  each([&](const Answer& answer) {
    ++seed;
    uint64_t drawn = 0;
    const auto draw = [&](size_t below) { return random_bits(seed, drawn++) % below; };
    for (int i = 0; i < kFaulty && !HasFailure(); ++i) {
      std::string text = answer.text;
      for (size_t faults = 1 + draw(3); faults > 0; --faults) {
        const size_t at = draw(text.size());
        const size_t size = 1 + (draw(3) == 0 ? draw(std::min<size_t>(40, text.size() - at)) : 0);
        switch (draw(4)) {
          case 0:
            text.erase(at, size);
            break;
          case 1:
            text.insert(at, text.substr(at, size));
            break;
          case 2:
            std::swap(text[at], text[std::min(at + 1, text.size() - 1)]);
            break;
          default:
            text.insert(at, marks_[draw(marks_.size())]);
        }
        if (text.empty()) text = answer.text;
      }
      expect_all(answer, text);
    }
  });
}

std::string test_name(const ::testing::TestParamInfo<std::string>& info) {
  std::string name = info.param;
  std::ranges::replace_if(
      name, [](char c) { return c == '-' || c == '.'; }, '_');
  return name;
}

INSTANTIATE_TEST_SUITE_P(Formats, NothingLost, ::testing::ValuesIn(family_names()), test_name);

}  // namespace
}  // namespace ferrum::tools::testing
