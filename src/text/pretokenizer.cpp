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
  // What pieces are views of, and how many of its first bytes begin the whole text.
  struct Base {
    std::string_view text;
    size_t start = 0;

    size_t start_of(std::string_view piece) const {
      const auto offset = static_cast<size_t>(piece.data() - text.data());
      return offset < start ? start - offset : 0;
    }
  };
  virtual ~Step() = default;
  // A step that makes another text of `base` sets it to that one before it gives pieces of it.
  virtual void split(Base& base, PieceSink sink) const = 0;
};

namespace {

using Step = Pretokenizer::Step;
using Base = Pretokenizer::Step::Base;

constexpr std::string_view kGpt2Pattern =
    R"('s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+)";

struct RegexStep : Step {
  RegexStep(std::string_view pattern, SplitBehavior behavior, bool invert, const std::string& source)
      : regex(pattern, source + ": pre_tokenizer"), behavior(behavior), invert(invert) {}
  void split(Base& base, PieceSink sink) const override {
    const std::string_view text = base.text;
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
  void split(Base& base, PieceSink sink) const override {
    const std::string_view text = base.text;
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
  void split(Base& base, PieceSink sink) const override {
    const std::string_view text = base.text;
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
  void split(Base& base, PieceSink sink) const override {
    const std::string_view text = base.text;
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
  void split(Base& base, PieceSink sink) const override {
    const auto word = [&](std::string_view piece) {
      Base part{.text = piece};
      punctuation.split(part, sink);
    };
    spaces.split(base, word);
  }
  CharacterStep spaces{unicode::is_white_space, SplitBehavior::kRemoved};
  CharacterStep punctuation{unicode::is_punctuation, SplitBehavior::kIsolated};
};

struct FixedLengthStep : Step {
  explicit FixedLengthStep(size_t characters) : characters(characters) {}
  void split(Base& base, PieceSink sink) const override {
    const std::string_view text = base.text;
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
  void split(Base& base, PieceSink sink) const override {
    const std::string_view text = base.text;
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
  void split(Base& base, PieceSink sink) const override {
    std::string marked;
    marked.reserve(base.text.size() + base.text.size() / 2);
    size_t start = 0;
    for (size_t i = 0; i < base.text.size(); ++i) {
      if (i == base.start) start = marked.size();
      if (base.text[i] == ' ')
        marked += options.replacement;
      else
        marked += base.text[i];
    }
    if (base.start >= base.text.size()) start = marked.size();
    const bool wanted = options.prepend == SplitMetaspace::Prepend::kAlways ||
                        (options.prepend == SplitMetaspace::Prepend::kFirst && start > 0);
    if (wanted && !marked.starts_with(options.replacement)) {
      marked.insert(0, options.replacement);
      if (start > 0) start += options.replacement.size();
    }
    base = {.text = marked, .start = start};
    if (options.split)
      border.split(base, sink);
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
  void split(Base& base, PieceSink sink) const override {
    std::string prefixed;
    Base whole = base;
    if (add_prefix_space && !base.text.starts_with(' ')) {
      prefixed.reserve(base.text.size() + 1);
      (prefixed += ' ') += base.text;
      whole = {.text = prefixed, .start = base.start > 0 ? base.start + 1 : 0};
    }
    const auto piece = [&](std::string_view bytes) {
      if (!spell) {
        base = whole;
        return sink(bytes);
      }
      const size_t start = std::min(whole.start_of(bytes), bytes.size());
      const std::string spelled = byte_alphabet::spell(bytes);
      base = {.text = spelled, .start = byte_alphabet::spell(bytes.substr(0, start)).size()};
      sink(spelled);
    };
    if (regex) {
      Base part = whole;
      regex->split(part, piece);
    } else {
      piece(whole.text);
    }
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
  for (const PretokenizeStep& step : steps) {
    const auto* metaspace = std::get_if<SplitMetaspace>(&step);
    tells_starts_ |= metaspace != nullptr && metaspace->prepend == SplitMetaspace::Prepend::kFirst;
  }
  for (PretokenizeStep& step : steps) steps_.push_back(std::visit(Prepare{spell_bytes, source}, step));
}

Pretokenizer::~Pretokenizer() = default;

void Pretokenizer::run(std::string_view text, size_t start, PieceSink sink) const {
  run_from(0, text, start, sink);
}

void Pretokenizer::run_from(size_t step, std::string_view text, size_t start, PieceSink sink) const {
  if (text.empty()) return;
  if (step == steps_.size()) return sink(text);
  Step::Base base{.text = text, .start = start};
  if (step + 1 == steps_.size()) return steps_[step]->split(base, sink);
  const auto next = [&](std::string_view piece) { run_from(step + 1, piece, base.start_of(piece), sink); };
  steps_[step]->split(base, next);
}

}  // namespace ferrum
