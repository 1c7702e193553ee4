#include "text/pretokenizer.h"

#include <algorithm>
#include <array>
#include <optional>
#include <utility>

#include "base/error.h"
#include "base/utf8.h"
#include "text/byte_alphabet.h"
#include "text/splitter.h"
#include "text/unicode_scripts.h"

namespace ferrum {

struct Pretokenizer::Step {
  virtual ~Step() = default;
  virtual void split(std::string_view text, Place place, PieceSink sink) const = 0;
};

namespace {

using Step = Pretokenizer::Step;
using Place = Pretokenizer::Place;

constexpr std::string_view kGpt2Pattern =
    R"('s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+)";

struct RegexStep : Step {
  RegexStep(std::string_view pattern, SplitBehavior behavior, bool invert, const std::string& source)
      : regex(pattern, source + ": pre_tokenizer"), behavior(behavior), invert(invert) {}
  void split(std::string_view text, Place, PieceSink sink) const override {
    Splitter splitter(text, behavior, sink);
    size_t from = 0;
    const auto match = [&](size_t begin, size_t end) {
      if (from < begin) splitter.add(from, begin, invert);
      splitter.add(begin, end, !invert);
      from = end;
    };
    regex.for_each_match(text, match);
    if (from < text.size()) splitter.add(from, text.size(), invert);
    splitter.finish();
  }
  Regex regex;
  SplitBehavior behavior;
  bool invert;
};

struct LiteralStep : Step {
  LiteralStep(std::string what, SplitBehavior behavior, bool invert)
      : what(std::move(what)), behavior(behavior), invert(invert) {}
  void split(std::string_view text, Place, PieceSink sink) const override {
    Splitter splitter(text, behavior, sink);
    size_t from = 0;
    size_t found = what.empty() ? std::string_view::npos : text.find(what);
    for (; found != std::string_view::npos; found = text.find(what, from)) {
      if (from < found) splitter.add(from, found, invert);
      from = found + what.size();
      splitter.add(found, from, !invert);
    }
    if (from < text.size()) splitter.add(from, text.size(), invert);
    splitter.finish();
  }
  std::string what;
  SplitBehavior behavior;
  bool invert;
};

// Splits at every character of a class.
struct CharacterStep : Step {
  CharacterStep(bool (*is_delimiter)(char32_t), SplitBehavior behavior)
      : is_delimiter(is_delimiter), behavior(behavior) {}
  void split(std::string_view text, Place, PieceSink sink) const override {
    Splitter splitter(text, behavior, sink);
    size_t from = 0;
    for (size_t i = 0; i < text.size();) {
      const utf8::Decoded d = utf8::decode(text.substr(i));
      if (d.valid && is_delimiter(d.code_point)) {
        if (from < i) splitter.add(from, i, false);
        from = i + d.size;
        splitter.add(i, from, true);
      }
      i += d.size;
    }
    if (from < text.size()) splitter.add(from, text.size(), false);
    splitter.finish();
  }
  bool (*is_delimiter)(char32_t);
  SplitBehavior behavior;
};

// Splits runs of digits into groups of three, counted from the right. The equivalent pattern looks ahead over
// the whole run at each digit, which is quadratic; this step is linear.
struct DigitGroupsStep : Step {
  enum class Runs {
    kAll,         // groups isolated in every run
    kEndingWord,  // the same, but only in runs that no letter follows
    kCutOnly,     // a border before each whole group of three, and no other
  };
  struct Known {
    std::string_view pattern;
    Runs runs;
  };
  static constexpr std::array<Known, 3> kKnown{{{R"(\d{1,3}(?=(?:\d{3})*(?!\d)))", Runs::kAll},
                                                {R"(\d{1,3}(?=(?:\d{3})*\b))", Runs::kEndingWord},
                                                {R"((?=(\d{3})+(?!\d)))", Runs::kCutOnly}}};

  // Returns null if `step` is not such a pattern.
  static std::unique_ptr<const Step> make(const SplitPattern& step) {
    if (step.behavior != SplitBehavior::kIsolated || step.invert) return nullptr;
    for (const Known& known : kKnown)
      if (step.pattern.text == known.pattern) return std::make_unique<DigitGroupsStep>(known.runs);
    return nullptr;
  }

  explicit DigitGroupsStep(Runs runs) : runs(runs) {}
  void split(std::string_view text, Place, PieceSink sink) const override {
    size_t done = 0;
    const auto cut_at = [&](size_t at) {
      if (done < at) sink(text.substr(done, at - done));
      done = at;
    };
    std::vector<size_t> digits;  // where each digit of the current run begins
    const auto end_run = [&](size_t end, bool in_word) {
      if (!digits.empty() && !(in_word && runs == Runs::kEndingWord)) {
        if (runs != Runs::kCutOnly) cut_at(digits[0]);
        for (size_t k = digits.size() % 3; k < digits.size(); k += 3) cut_at(digits[k]);
        if (runs != Runs::kCutOnly) cut_at(end);
      }
      digits.clear();
    };
    for (size_t i = 0; i < text.size();) {
      const utf8::Decoded d = utf8::decode(text.substr(i));
      if (d.valid && unicode::is_decimal_digit(d.code_point))
        digits.push_back(i);
      else
        end_run(i, d.valid && unicode::is_word(d.code_point) && !unicode::is_joiner(d.code_point));
      i += d.size;
    }
    end_run(text.size(), false);
    cut_at(text.size());
  }
  Runs runs;
};

struct BertStep : Step {
  void split(std::string_view text, Place place, PieceSink sink) const override {
    const auto word = [&](std::string_view piece) { punctuation.split(piece, place, sink); };
    spaces.split(text, place, word);
  }
  CharacterStep spaces{unicode::is_white_space, SplitBehavior::kRemoved};
  CharacterStep punctuation{unicode::is_punctuation, SplitBehavior::kIsolated};
};

struct FixedLengthStep : Step {
  explicit FixedLengthStep(size_t characters) : characters(characters) {}
  void split(std::string_view text, Place, PieceSink sink) const override {
    size_t begin = 0;
    size_t n = 0;
    for (size_t i = 0; i < text.size();) {
      i += utf8::decode(text.substr(i)).size;
      if (++n < characters && i < text.size()) continue;
      sink(text.substr(begin, i - begin));
      begin = i;
      n = 0;
    }
  }
  size_t characters;
};

// A piece begins where the script changes. Characters without a script belong to the piece before them; if
// there is none, they are dropped.
struct ScriptsStep : Step {
  void split(std::string_view text, Place, PieceSink sink) const override {
    int last = unicode::kNoScript;
    std::optional<size_t> begin;
    for (size_t i = 0; i < text.size();) {
      const utf8::Decoded d = utf8::decode(text.substr(i));
      const int script = d.valid ? unicode::splitting_script(d.code_point) : unicode::kNoScript;
      if (script != unicode::kNoScript && script != last) {
        if (begin) sink(text.substr(*begin, i - *begin));
        begin = i;
        last = script;
      }
      i += d.size;
    }
    if (begin) sink(text.substr(*begin));
  }
};

struct MetaspaceStep : Step {
  explicit MetaspaceStep(SplitMetaspace options_)
      : options(std::move(options_)), border(options.replacement, SplitBehavior::kMergedWithNext, false) {}
  void split(std::string_view text, Place place, PieceSink sink) const override {
    std::string marked;
    marked.reserve(text.size() + text.size() / 2);
    for (const char c : text) {
      if (c == ' ')
        marked += options.replacement;
      else
        marked += c;
    }
    const bool wanted = options.prepend == SplitMetaspace::Prepend::kAlways ||
                        (options.prepend == SplitMetaspace::Prepend::kFirst && place == Place::kTextStart);
    if (wanted && !marked.starts_with(options.replacement)) marked.insert(0, options.replacement);
    if (options.split)
      border.split(marked, place, sink);
    else
      sink(marked);
  }
  SplitMetaspace options;
  LiteralStep border;
};

// `spell`: whether pieces are spelled in the byte alphabet. If not, the model reads them as bytes.
struct ByteLevelStep : Step {
  ByteLevelStep(const SplitByteLevel& options, bool spell, const std::string& source)
      : add_prefix_space(options.add_prefix_space), spell(spell) {
    if (options.use_regex)
      regex = std::make_unique<RegexStep>(kGpt2Pattern, SplitBehavior::kIsolated, false, source);
  }
  void split(std::string_view text, Place place, PieceSink sink) const override {
    std::string prefixed;
    if (add_prefix_space && !text.starts_with(' ')) {
      prefixed.reserve(text.size() + 1);
      (prefixed += ' ') += text;
      text = prefixed;
    }
    const auto piece = [&](std::string_view bytes) {
      if (spell)
        sink(byte_alphabet::spell(bytes));
      else
        sink(bytes);
    };
    if (regex)
      regex->split(text, place, piece);
    else
      piece(text);
  }
  bool add_prefix_space;
  bool spell;
  std::unique_ptr<RegexStep> regex;
};

struct Prepare {
  bool spell_bytes;
  const std::string& source;
  using Result = std::unique_ptr<const Step>;

  Result operator()(SplitPattern& s) const {
    if (s.pattern.kind == TextPattern::Kind::kLiteral)
      return std::make_unique<LiteralStep>(std::move(s.pattern.text), s.behavior, s.invert);
    if (auto groups = DigitGroupsStep::make(s)) return groups;
    return std::make_unique<RegexStep>(s.pattern.text, s.behavior, s.invert, source);
  }
  Result operator()(SplitByteLevel& s) const {
    return std::make_unique<ByteLevelStep>(s, spell_bytes, source);
  }
  Result operator()(SplitDigits& s) const {
    return std::make_unique<CharacterStep>(
        unicode::is_number, s.individually ? SplitBehavior::kIsolated : SplitBehavior::kContiguous);
  }
  Result operator()(SplitPunctuation& s) const {
    return std::make_unique<CharacterStep>(unicode::is_punctuation, s.behavior);
  }
  Result operator()(SplitWhitespace&) const {
    return std::make_unique<CharacterStep>(unicode::is_white_space, SplitBehavior::kRemoved);
  }
  Result operator()(SplitBert&) const { return std::make_unique<BertStep>(); }
  Result operator()(SplitFixedLength& s) const { return std::make_unique<FixedLengthStep>(s.characters); }
  Result operator()(SplitScripts&) const { return std::make_unique<ScriptsStep>(); }
  Result operator()(SplitMetaspace& s) const { return std::make_unique<MetaspaceStep>(std::move(s)); }
};

}  // namespace

Pretokenizer::Pretokenizer(std::vector<PretokenizeStep> steps, const std::string& source) {
  const auto is_byte_level = [](const PretokenizeStep& step) {
    return std::holds_alternative<SplitByteLevel>(step);
  };
  const auto byte_steps = std::count_if(steps.begin(), steps.end(), is_byte_level);
  // If the only byte-level step comes last, it need not spell: the model reads its pieces as bytes.
  const bool spell_bytes = byte_steps > 1 || (byte_steps == 1 && !is_byte_level(steps.back()));
  spells_bytes_ = byte_steps > 0;
  if (spells_bytes_ && !spell_bytes) units_ = TokenModel::Units::kBytes;
  for (PretokenizeStep& step : steps) steps_.push_back(std::visit(Prepare{spell_bytes, source}, step));
}

Pretokenizer::~Pretokenizer() = default;

void Pretokenizer::run(std::string_view text, Place place, PieceSink sink) const {
  run_from(0, text, place, sink);
}

void Pretokenizer::run_from(size_t step, std::string_view text, Place place, PieceSink sink) const {
  if (text.empty()) return;
  if (step == steps_.size()) return sink(text);
  if (step + 1 == steps_.size()) return steps_[step]->split(text, place, sink);
  bool is_first = true;
  const auto next = [&](std::string_view piece) {
    const bool was_cut = piece.data() > text.data() && piece.data() < text.data() + text.size();
    run_from(step + 1, piece, is_first && !was_cut ? place : Place::kInside, sink);
    is_first = false;
  };
  steps_[step]->split(text, place, next);
}

}  // namespace ferrum
