#include "text/whole_text_steps.h"

#include <algorithm>
#include <array>
#include <utility>

#include "base/error.h"
#include "base/log.h"
#include "base/utf8.h"
#include "text/byte_alphabet.h"
#include "text/vocabulary.h"

namespace ferrum {

struct WholeTextSteps::Step {
  virtual ~Step() = default;
  virtual std::unique_ptr<TextFilter> filter(Start start) const = 0;
};

namespace {

using Step = WholeTextSteps::Step;
using Start = WholeTextSteps::Start;

class Replaced final : public TextFilter {
 public:
  Replaced(const std::string& what, const std::string& with) : what_(what), with_(with) {}
  std::string push(std::string_view text) override {
    held_ += text;
    std::string out;
    size_t from = 0;
    for (size_t at = held_.find(what_); at != std::string::npos; at = held_.find(what_, from)) {
      out.append(held_, from, at - from) += with_;
      from = at + what_.size();
    }
    held_.erase(0, from);
    size_t kept = std::min(held_.size(), what_.size() - 1);  // may be the beginning of a match
    while (!what_.starts_with(std::string_view(held_).substr(held_.size() - kept))) --kept;
    out.append(held_, 0, held_.size() - kept);
    held_.erase(0, held_.size() - kept);
    return out;
  }
  std::string finish() override { return std::exchange(held_, {}); }

 private:
  const std::string& what_;
  const std::string& with_;
  std::string held_;
};

class Stripped final : public TextFilter {
 public:
  Stripped(const DecodeStrip& step, Start start)
      : step_(step), left_(start == Start::kOfText ? step.start : 0) {}
  std::string push(std::string_view piece) override {
    std::string text = std::exchange(held_, {}) += piece;
    while (left_ > 0 && !text.empty()) {
      const bool is_stripped = text.starts_with(step_.content);
      if (is_stripped) text.erase(0, step_.content.size());
      left_ = is_stripped ? left_ - 1 : 0;
    }
    size_t kept = text.size();
    for (size_t n = 0; n < step_.stop; ++n) {
      if (!std::string_view(text).substr(0, kept).ends_with(step_.content)) break;
      kept -= step_.content.size();
    }
    held_ = text.substr(kept);
    text.resize(kept);
    return text;
  }
  std::string finish() override { return {}; }

 private:
  const DecodeStrip& step_;
  size_t left_;       // how often the start may still be stripped
  std::string held_;  // stripped if the text ends here
};

class Held final : public TextFilter {
 public:
  using Function = std::string (*)(const std::string& text, const Regex* regex, const std::string& with);
  Held(Function function, const Regex* regex, const std::string& with)
      : function_(function), regex_(regex), with_(with) {}
  std::string push(std::string_view text) override {
    held_ += text;
    return {};
  }
  std::string finish() override { return function_(std::exchange(held_, {}), regex_, with_); }

 private:
  Function function_;
  const Regex* regex_;
  const std::string& with_;
  std::string held_;
};

struct ReplaceStep : Step {
  ReplaceStep(std::string what, std::string with) : what(std::move(what)), with(std::move(with)) {}
  std::unique_ptr<TextFilter> filter(Start /*start*/) const override {
    return std::make_unique<Replaced>(what, with);
  }
  std::string what, with;
};

struct StripStep : Step {
  explicit StripStep(DecodeStrip step) : step(std::move(step)) {}
  std::unique_ptr<TextFilter> filter(Start start) const override {
    return std::make_unique<Stripped>(step, start);
  }
  DecodeStrip step;
};

struct HeldStep : Step {
  explicit HeldStep(Held::Function function) : function(function) {}
  HeldStep(Held::Function function, std::string_view pattern, std::string with, const std::string& source)
      : function(function),
        regex(std::make_unique<Regex>(pattern, source + ": decoder")),
        with(std::move(with)) {}
  std::unique_ptr<TextFilter> filter(Start /*start*/) const override {
    return std::make_unique<Held>(function, regex.get(), with);
  }
  Held::Function function;
  std::unique_ptr<Regex> regex;  // null: there is none
  std::string with;
};

std::string with_matches_replaced(const std::string& text, const Regex* regex, const std::string& with) {
  std::string out;
  size_t from = 0;
  regex->for_each_match(text, [&](size_t begin, size_t end) {
    out.append(text, from, begin - from) += with;
    from = end;
  });
  return out.append(text, from);
}

std::string of_byte_alphabet(const std::string& text, const Regex* /*regex*/, const std::string& /*with*/) {
  const auto bytes = byte_alphabet::read(text);
  return bytes ? utf8::sanitized(*bytes) : text;
}

std::string of_byte_spelling(const std::string& text, const Regex* /*regex*/, const std::string& /*with*/) {
  const auto byte = byte_of_spelling(text);
  return byte ? utf8::sanitized(std::string(1, static_cast<char>(*byte))) : text;
}

// The whole text is both the first token and the last.
class Adder {
 public:
  Adder(std::vector<std::unique_ptr<const Step>>& steps, const std::string& source)
      : steps_(steps), source_(source) {}

  void operator()(const DecodeByteLevel&) { add_held(std::make_unique<HeldStep>(of_byte_alphabet)); }
  void operator()(const DecodeByteFallback&) { add_held(std::make_unique<HeldStep>(of_byte_spelling)); }
  void operator()(const DecodeFuse&) {}
  void operator()(const DecodeMetaspace& s) { add(s.replacement, s.drop_leading ? "" : " "); }
  void operator()(const DecodeReplace& s) {
    if (s.pattern.kind == TextPattern::Kind::kLiteral) return add(s.pattern.text, s.with);
    add_held(std::make_unique<HeldStep>(with_matches_replaced, s.pattern.text, s.with, source_));
  }
  void operator()(const DecodeStrip& s) {
    if (!s.content.empty()) steps_.push_back(std::make_unique<StripStep>(s));
  }
  void operator()(const DecodeWordPiece& s) {
    if (s.cleanup) add_clean_up();
  }
  void operator()(const DecodeSuffix& s) { add(s.suffix, ""); }
  void operator()(const DecodeCtc& s) {
    add(s.padding, "");
    if (!s.cleanup) return;
    add_clean_up();
    add(s.word_delimiter, " ");
  }
  void operator()(const DecodeSpaced&) {}

 private:
  void add(const std::string& what, const std::string& with) {
    if (!what.empty()) steps_.push_back(std::make_unique<ReplaceStep>(what, with));
  }
  void add_clean_up() {
    for (const auto& [what, with] : clean_up_rules()) add(std::string(what), std::string(with));
  }
  void add_held(std::unique_ptr<const Step> step) {
    log::warn("{}: decoder changes the text as a whole: answers come at their end, and not as a stream",
              source_);
    steps_.push_back(std::move(step));
  }

  std::vector<std::unique_ptr<const Step>>& steps_;
  const std::string& source_;
};

}  // namespace

WholeTextSteps::WholeTextSteps(std::span<const DecodeStep> steps, const std::string& source) {
  Adder adder(steps_, source);
  for (const DecodeStep& step : steps) std::visit(adder, step);
}

WholeTextSteps::WholeTextSteps(std::unique_ptr<const TokenChain> chain) : chain_(std::move(chain)) {}

WholeTextSteps::~WholeTextSteps() = default;

std::vector<std::unique_ptr<TextFilter>> WholeTextSteps::filters(Start start) const {
  std::vector<std::unique_ptr<TextFilter>> filters;
  filters.reserve(steps_.size());
  for (const auto& step : steps_) filters.push_back(step->filter(start));
  return filters;
}

std::span<const std::pair<std::string_view, std::string_view>> clean_up_rules() {
  static constexpr std::array<std::pair<std::string_view, std::string_view>, 11> kRules{{
      {" .", "."},
      {" ?", "?"},
      {" !", "!"},
      {" ,", ","},
      {" ' ", "'"},
      {" n't", "n't"},
      {" 'm", "'m"},
      {" do not", " don't"},
      {" 's", "'s"},
      {" 've", "'ve"},
      {" 're", "'re"},
  }};
  return kRules;
}

}  // namespace ferrum
