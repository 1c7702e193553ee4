#include "loadgen/workload.h"

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <optional>
#include <sstream>

#include "base/error.h"
#include "base/json.h"
#include "base/mapped_file.h"
#include "base/numbers.h"
#include "base/random.h"
#include "base/utf8.h"

namespace ferrum::loadgen {
namespace {

constexpr int kMaxLength = 1'000'000;

// Short, common words: most vocabularies have a token for each.
constexpr std::array<std::string_view, 128> kWords = {
    "time",   "year",   "day",   "way",    "man",    "thing", "life",  "child", "world", "school", "state",
    "house",  "week",   "case",  "point",  "home",   "water", "room",  "night", "money", "story",  "fact",
    "month",  "lot",    "right", "study",  "book",   "eye",   "job",   "word",  "side",  "kind",   "head",
    "far",    "black",  "long",  "last",   "hour",   "game",  "line",  "end",   "law",   "car",    "city",
    "name",   "team",   "idea",  "body",   "back",   "face",  "level", "door",  "war",   "party",  "result",
    "change", "road",   "river", "reason", "girl",   "boy",   "food",  "land",  "sun",   "tree",   "ship",
    "bird",   "fire",   "stone", "wind",   "rain",   "snow",  "sea",   "hill",  "king",  "light",  "sound",
    "music",  "colour", "red",   "green",  "blue",   "white", "small", "large", "old",   "new",    "good",
    "first",  "next",   "early", "young",  "strong", "clear", "free",  "real",  "best",  "open",   "hard",
    "full",   "short",  "high",  "low",    "cold",   "warm",  "dark",  "deep",  "wide",  "near",   "late",
    "soft",   "fine",   "walk",  "run",    "see",    "come",  "go",    "make",  "take",  "give",   "find",
    "tell",   "ask",    "work",  "play",   "move",   "hold",  "bring"};

// Separate random sequences, so that draws for one purpose do not depend on another.
enum class Purpose : uint64_t { kPrefix = 1, kPromptLength, kPromptWords, kAnswerLength };
uint64_t key(uint64_t seed, Purpose purpose) { return random_bits(seed, static_cast<uint64_t>(purpose)); }

int draw(const Length& length, uint64_t key, uint64_t number) {
  const double span = length.most - length.least + 1;
  return length.least + static_cast<int>(random_uniform(key, number) * span);
}

void append_words(std::string& text, int count, uint64_t key) {
  for (int i = 0; i < count; ++i) {
    if (!text.empty()) text += ' ';
    text += kWords[random_bits(key, static_cast<uint64_t>(i)) % kWords.size()];
  }
}

Prompt prompt_from_json(const std::string& line, const std::string& place) {
  const Json json = parse_json(line, place);
  Prompt prompt;
  if (json.is_string()) {
    prompt.text = json.get<std::string>();
    return prompt;
  }
  if (!json.is_object()) fail(ErrorCode::kBadFile, "{}: expected a string or an object", place);
  const auto text = json.find("prompt");
  const auto messages = json.find("messages");
  if ((text == json.end()) == (messages == json.end()))
    fail(ErrorCode::kBadFile, "{}: expected either prompt or messages", place);
  if (text != json.end()) {
    if (!text->is_string()) fail(ErrorCode::kBadFile, "{}: prompt must be a string", place);
    prompt.text = text->get<std::string>();
  } else {
    if (!messages->is_array()) fail(ErrorCode::kBadFile, "{}: messages must be an array", place);
    prompt.messages = messages->dump();
  }
  if (const auto most = json.find("max_tokens"); most != json.end()) {
    if (!most->is_number_integer() || most->get<int64_t>() < 1 || most->get<int64_t>() > kMaxLength)
      fail(ErrorCode::kBadFile, "{}: max_tokens must be a whole number from 1 to {}", place, kMaxLength);
    prompt.max_tokens = most->get<int>();
  }
  return prompt;
}

}  // namespace

Length parse_length(std::string_view text, std::string_view what) {
  const size_t dash = text.find('-', 1);
  const std::optional<int> least = whole_number<int>(text.substr(0, dash));
  const std::optional<int> most =
      dash == std::string_view::npos ? least : whole_number<int>(text.substr(dash + 1));
  if (!least || !most || *least < 1 || *most < *least || *most > kMaxLength)
    fail(ErrorCode::kBadArgument, "{}: {} is neither a number from 1 to {} nor a range such as 64-512", what,
         in_quotes(text), kMaxLength);
  return {*least, *most};
}

std::string to_string(const Length& length) {
  return length.least == length.most ? fmt::format("{}", length.least)
                                     : fmt::format("{}-{}", length.least, length.most);
}

std::vector<Prompt> read_prompts(const std::filesystem::path& file) {
  std::istringstream in{std::string(MappedFile::open(file)->text())};
  const bool is_json = file.extension() == ".jsonl";
  std::vector<Prompt> prompts;
  int number = 0;
  for (std::string line; std::getline(in, line);) {
    ++number;
    if (line.ends_with('\r')) line.pop_back();
    if (line.find_first_not_of(" \t") == std::string::npos) continue;
    const std::string place = fmt::format("{}:{}", file.string(), number);
    if (!utf8::is_valid(line)) fail(ErrorCode::kBadFile, "{}: not valid UTF-8", place);
    if (is_json)
      prompts.push_back(prompt_from_json(line, place));
    else
      prompts.push_back({.text = std::move(line)});
  }
  if (in.bad()) fail(ErrorCode::kIo, "{}: cannot be read", file.string());
  if (prompts.empty()) fail(ErrorCode::kBadArgument, "{}: contains no prompt", file.string());
  return prompts;
}

Workload::Workload(WorkloadOptions options) : options_(std::move(options)) {
  append_words(prefix_, options_.shared_prefix, key(options_.seed, Purpose::kPrefix));
}

Prompt Workload::prompt(uint64_t number) const {
  Prompt prompt;
  if (options_.prompts.empty()) {
    prompt.text = prefix_;
    append_words(prompt.text, draw(options_.prompt, key(options_.seed, Purpose::kPromptLength), number),
                 random_bits(key(options_.seed, Purpose::kPromptWords), number));
  } else {
    prompt = options_.prompts[number % options_.prompts.size()];
  }
  if (prompt.max_tokens == 0)
    prompt.max_tokens = draw(options_.answer, key(options_.seed, Purpose::kAnswerLength), number);
  return prompt;
}

}  // namespace ferrum::loadgen
