#include "base/json.h"

#include <array>
#include <limits>
#include <nlohmann/json.hpp>
#include <string>
#include <unordered_set>
#include <vector>

#include "base/error.h"

namespace ferrum {
namespace {

struct NonFiniteWord {
  std::string_view word;
  std::string_view stand_in;  // JSON text for the value, with an escaped NUL so that no real text matches
  std::string_view decoded;   // the stand-in as the parser decodes it
  double value;
};
constexpr double kInfinity = std::numeric_limits<double>::infinity();
using namespace std::string_view_literals;
constexpr std::array kNonFiniteWords = {
    NonFiniteWord{"NaN", R"("\u0000nan")", "\0nan"sv, std::numeric_limits<double>::quiet_NaN()},
    NonFiniteWord{"-Infinity", R"("\u0000-inf")", "\0-inf"sv, -kInfinity},
    NonFiniteWord{"Infinity", R"("\u0000inf")", "\0inf"sv, kInfinity},
};

// A text whose non-finite numbers are replaced by stand-ins.
class ReplacedText {
 public:
  explicit ReplacedText(std::string_view text) {
    bool in_string = false;
    for (size_t at = 0; at < text.size();) {
      const NonFiniteWord* word = in_string ? nullptr : word_at(text.substr(at));
      if (word != nullptr) {
        text_ += word->stand_in;
        at += word->word.size();
        ends_.push_back({text_.size(), at});
        continue;
      }
      if (text[at] == '"') in_string = !in_string;
      if (in_string && text[at] == '\\' && at + 1 < text.size()) text_ += text[at++];
      text_ += text[at++];
    }
  }

  const std::string& text() const { return text_; }

  // The position in the old text of a byte in the new one; both count from 1, as the parser does.
  size_t original(size_t byte) const {
    size_t shifted = byte;
    for (const End& end : ends_)
      if (byte >= end.replaced) shifted = byte - end.replaced + end.original;
    return shifted;
  }

 private:
  struct End {
    size_t replaced, original;  // offsets after one replacement, in the new and the old text
  };

  static const NonFiniteWord* word_at(std::string_view rest) {
    for (const NonFiniteWord& word : kNonFiniteWords)
      if (rest.starts_with(word.word)) return &word;
    return nullptr;
  }

  std::string text_;
  std::vector<End> ends_;
};

// Handles the events of nlohmann's parser: checks depth and duplicate keys, which the resulting tree would
// hide, and turns stand-ins back into numbers.
template <class Tree>
class Guard {
 public:
  Guard(std::string_view source, const JsonLimits& limits) : source_(source), limits_(limits) {}

  bool operator()(int, typename Tree::parse_event_t event, Tree& value) {
    using Event = typename Tree::parse_event_t;
    switch (event) {
      case Event::object_start:
      case Event::array_start:
        enter();
        break;
      case Event::object_end:
      case Event::array_end:
        keys_.pop_back();
        break;
      case Event::key:
        note_key(value.template get_ref<const std::string&>());
        break;
      case Event::value:
        if (limits_.non_finite == NonFinite::kRead && value.is_string()) restore_number(value);
        break;
    }
    return true;
  }

 private:
  static void restore_number(Tree& value) {
    const auto& text = value.template get_ref<const std::string&>();
    for (const NonFiniteWord& word : kNonFiniteWords)
      if (text == word.decoded) {
        value = word.value;
        return;
      }
  }

  void enter() {
    if (static_cast<int>(keys_.size()) >= limits_.max_depth)
      fail(ErrorCode::kBadFile, "{}: JSON nested deeper than {} levels", source_, limits_.max_depth);
    keys_.emplace_back();
  }

  void note_key(const std::string& key) {
    if (!keys_.back().insert(key).second)
      fail(ErrorCode::kBadFile, "{}: duplicate key {}", source_, in_quotes(key));
    if (keys_.back().size() > limits_.max_keys)
      fail(ErrorCode::kBadFile, "{}: an object of more than {} keys", source_, limits_.max_keys);
  }

  std::string_view source_;
  const JsonLimits& limits_;
  std::vector<std::unordered_set<std::string>> keys_;  // of the open objects, outermost first
};

template <class Tree>
Tree parse(std::string_view text, std::string_view source, const JsonLimits& limits) {
  if (text.size() > limits.max_bytes)
    fail(ErrorCode::kBadFile, "{}: {} bytes of JSON, more than the {} allowed", source, text.size(),
         limits.max_bytes);
  // The parser would stop at a NUL and ignore the rest.
  if (const size_t nul = text.find('\0'); nul != std::string_view::npos)
    fail(ErrorCode::kBadFile, "{}: not valid JSON at byte {}", source, nul + 1);
  const bool may_replace =
      limits.non_finite == NonFinite::kRead &&
      (text.find("NaN") != std::string_view::npos || text.find("Infinity") != std::string_view::npos);
  const ReplacedText replaced(may_replace ? text : std::string_view());
  try {
    return Tree::parse(may_replace ? replaced.text() : text, Guard<Tree>(source, limits));
  } catch (const typename Tree::parse_error& e) {
    fail(ErrorCode::kBadFile, "{}: not valid JSON at byte {}", source,
         may_replace ? replaced.original(e.byte) : e.byte);
  } catch (const typename Tree::exception& e) {
    fail(ErrorCode::kBadFile, "{}: {}", source, in_quotes(e.what()));
  }
}

}  // namespace

Json parse_json(std::string_view text, std::string_view source, const JsonLimits& limits) {
  return parse<Json>(text, source, limits);
}

OrderedJson parse_ordered_json(std::string_view text, std::string_view source, const JsonLimits& limits) {
  return parse<OrderedJson>(text, source, limits);
}

}  // namespace ferrum
