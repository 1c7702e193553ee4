#include "text/normalizer.h"

#include <algorithm>
#include <utility>

#include "base/utf8.h"
#include "text/byte_alphabet.h"
#include "text/charsmap.h"
#include "text/regex.h"
#include "text/start_after_matches.h"

namespace ferrum {

struct Normalizer::Step {
  virtual ~Step() = default;
  // Returns false if `in` stays as it is; `out`, empty at the call, may then hold anything.
  virtual bool apply(std::string_view in, std::string& out) const = 0;
  // How many of the result's first bytes are made of the first `start` bytes of `in`. Here for steps that map
  // characters one by one, or nearly so.
  virtual size_t start_after(std::string_view in, size_t start) const {
    std::string out;
    return apply(in.substr(0, start), out) ? out.size() : start;
  }
};

namespace {

using Step = Normalizer::Step;

// A step that maps each character on its own; `f` appends the replacement.
template <class F>
bool map_characters(std::string_view in, std::string& out, F&& f) {
  out.reserve(in.size() + in.size() / 8);
  for (size_t i = 0; i < in.size();) {
    const utf8::Decoded d = utf8::decode(in.substr(i));
    const std::string_view bytes = in.substr(i, d.size);
    if (d.valid)
      f(d.code_point, bytes);
    else
      out += bytes;
    i += d.size;
  }
  return true;
}

struct UnicodeStep : Step {
  explicit UnicodeStep(unicode::Form form) : form(form) {}
  bool apply(std::string_view in, std::string& out) const override {
    if (unicode::is_ascii(in)) return false;
    out.reserve(in.size());
    unicode::for_each_normalized(in, form, [&](size_t, size_t, std::string_view normal) { out += normal; });
    return true;
  }
  unicode::Form form;
};

struct LowercaseStep : Step {
  bool apply(std::string_view in, std::string& out) const override {
    return map_characters(in, out, [&](char32_t c, std::string_view) { unicode::append_lowercase(out, c); });
  }
};

struct StripAccentsStep : Step {
  bool apply(std::string_view in, std::string& out) const override {
    if (unicode::is_ascii(in)) return false;
    return map_characters(in, out, [&](char32_t c, std::string_view bytes) {
      if (!unicode::is_mark(c)) out += bytes;
    });
  }
};

struct NmtStep : Step {
  bool apply(std::string_view in, std::string& out) const override {
    return map_characters(in, out, [&](char32_t c, std::string_view bytes) {
      const bool dropped = (c >= 0x01 && c <= 0x08) || c == 0x0B || (c >= 0x0E && c <= 0x1F) || c == 0x7F ||
                           c == 0x8F || c == 0x9F;
      const bool is_space = c == 0x09 || c == 0x0A || c == 0x0C || c == 0x0D || c == 0x1680 ||
                            (c >= 0x200B && c <= 0x200F) || c == 0x2028 || c == 0x2029 || c == 0x2581 ||
                            c == 0xFEFF || c == 0xFFFD;
      if (is_space)
        out += ' ';
      else if (!dropped)
        out += bytes;
    });
  }
};

struct ReplaceLiteralStep : Step {
  ReplaceLiteralStep(std::string what, std::string with) : what(std::move(what)), with(std::move(with)) {}
  bool apply(std::string_view in, std::string& out) const override {
    size_t found = what.empty() ? std::string_view::npos : in.find(what);
    if (found == std::string_view::npos) return false;
    out.reserve(in.size() + in.size() / 4);
    size_t from = 0;
    for (; found != std::string_view::npos; found = in.find(what, from)) {
      out += in.substr(from, found - from);
      out += with;
      from = found + what.size();
    }
    out += in.substr(from);
    return true;
  }
  size_t start_after(std::string_view in, size_t start) const override {
    StartAfterMatches result(start, with.size());
    size_t found = what.empty() ? std::string_view::npos : in.find(what);
    for (; found < start; found = in.find(what, found + what.size())) result.add(found, found + what.size());
    return result.finish();
  }
  std::string what, with;
};

struct ReplaceRegexStep : Step {
  ReplaceRegexStep(std::string_view pattern, std::string with, const std::string& source)
      : regex(pattern, source + ": normalizer"), with(std::move(with)) {}
  bool apply(std::string_view in, std::string& out) const override {
    size_t from = 0;
    const auto replace = [&](size_t begin, size_t end) {
      out += in.substr(from, begin - from);
      out += with;
      from = end;
    };
    regex.for_each_match(in, replace);
    out += in.substr(from);
    return true;
  }
  size_t start_after(std::string_view in, size_t start) const override {
    StartAfterMatches result(start, with.size());
    regex.for_each_match(in, [&](size_t begin, size_t end) { result.add(begin, end); });
    return result.finish();
  }
  Regex regex;
  std::string with;
};

struct PrependStep : Step {
  explicit PrependStep(std::string text) : text(std::move(text)) {}
  bool apply(std::string_view in, std::string& out) const override {
    if (in.empty()) return false;
    out.reserve(in.size() + text.size());
    out += text;
    out += in;
    return true;
  }
  size_t start_after(std::string_view in, size_t start) const override {
    return start > 0 && !in.empty() ? start + text.size() : start;
  }
  std::string text;
};

struct StripStep : Step {
  explicit StripStep(Sides sides) : sides(sides) {}
  bool apply(std::string_view in, std::string& out) const override {
    const auto [begin, end] = kept(in);
    out = in.substr(begin, end - begin);
    return true;
  }
  size_t start_after(std::string_view in, size_t start) const override {
    const auto [begin, end] = kept(in);
    return std::min(start, end) - std::min({start, end, begin});
  }
  // Where what is kept begins and ends.
  std::pair<size_t, size_t> kept(std::string_view in) const {
    size_t begin = 0;
    if (sides != Sides::kRight) {
      while (begin < in.size()) {
        const utf8::Decoded d = utf8::decode(in.substr(begin));
        if (!d.valid || !unicode::is_white_space(d.code_point)) break;
        begin += d.size;
      }
    }
    size_t end = in.size();
    if (sides != Sides::kLeft) {
      while (end > begin) {
        size_t last = end - 1;
        while (last > begin && (static_cast<unsigned char>(in[last]) & 0xC0) == 0x80) --last;
        const utf8::Decoded d = utf8::decode(in.substr(last));
        if (!d.valid || !unicode::is_white_space(d.code_point)) break;
        end = last;
      }
    }
    return {begin, end};
  }
  Sides sides;
};

// As in Hugging Face tokenizers: a short grapheme is looked up as a whole first, then its characters. If
// several entries are prefixes of the text, the shortest is used and replaces all of it.
struct CharsmapStep : Step {
  CharsmapStep(std::string_view charsmap, const std::string& source) : map(charsmap, source) {}
  bool apply(std::string_view in, std::string& out) const override {
    for (size_t begin = 0; begin < in.size();) {
      const size_t end = grapheme_end(in, begin);
      const std::string_view grapheme = in.substr(begin, end - begin);
      begin = end;
      if (grapheme.size() < 6) {
        if (const auto match = map.shortest_prefix(grapheme)) {
          out += match->replacement;
          continue;
        }
      }
      map_characters(grapheme, out, [&](char32_t, std::string_view bytes) {
        const auto match = map.shortest_prefix(bytes);
        out += match ? match->replacement : bytes;
      });
    }
    return true;
  }

  static size_t grapheme_end(std::string_view in, size_t begin) {
    utf8::Decoded d = utf8::decode(in.substr(begin));
    size_t end = begin + d.size;
    int state = 0;
    while (d.valid && end < in.size()) {
      const utf8::Decoded next = utf8::decode(in.substr(end));
      if (!next.valid || unicode::is_grapheme_break(d.code_point, next.code_point, state)) break;
      end += next.size;
      d = next;
    }
    return end;
  }

  Charsmap map;
};

struct BertStep : Step {
  explicit BertStep(const NormalizeBert& options) : options(options) {}
  bool apply(std::string_view in, std::string& out) const override {
    std::string clean;
    map_characters(in, clean, [&](char32_t c, std::string_view bytes) {
      const bool is_line_space = c == '\t' || c == '\n' || c == '\r';
      if (options.clean_text &&
          (c == 0 || c == utf8::kReplacement || (!is_line_space && unicode::is_control(c))))
        return;
      if (options.clean_text && (is_line_space || unicode::is_white_space(c))) {
        clean += ' ';
      } else if (options.separate_chinese && is_chinese(c)) {
        (clean += ' ').append(bytes) += ' ';
      } else {
        clean += bytes;
      }
    });
    if (options.strip_accents && !unicode::is_ascii(clean)) {
      std::string decomposed;
      unicode::for_each_normalized(clean, unicode::Form::kNfd,
                                   [&](size_t, size_t, std::string_view normal) { decomposed += normal; });
      clean.clear();
      map_characters(decomposed, clean, [&](char32_t c, std::string_view bytes) {
        if (!unicode::is_nonspacing_mark(c)) clean += bytes;
      });
    }
    if (options.lowercase)
      map_characters(clean, out, [&](char32_t c, std::string_view) { unicode::append_lowercase(out, c); });
    else
      out = std::move(clean);
    return true;
  }

  // The ranges in BERT's own code, which has 2B920 where Unicode's block begins at 2B820.
  static bool is_chinese(char32_t c) {
    return (c >= 0x4E00 && c <= 0x9FFF) || (c >= 0x3400 && c <= 0x4DBF) || (c >= 0x20000 && c <= 0x2A6DF) ||
           (c >= 0x2A700 && c <= 0x2B73F) || (c >= 0x2B740 && c <= 0x2B81F) ||
           (c >= 0x2B920 && c <= 0x2CEAF) || (c >= 0xF900 && c <= 0xFAFF) || (c >= 0x2F800 && c <= 0x2FA1F);
  }

  NormalizeBert options;
};

struct SentencePieceStep : Step {
  SentencePieceStep(NormalizeSentencePiece options_, const std::vector<std::string_view>& kept_,
                    const std::string& source)
      : options(std::move(options_)), map(options.charsmap, source), kept(entries(kept_)) {}

  bool apply(std::string_view in, std::string& out) const override {
    const std::string_view space = options.escape_whitespaces ? "▁" : " ";
    size_t at = 0;
    if (options.remove_extra_whitespaces) {
      while (at < in.size()) {
        const auto [text, length] = next(in.substr(at));
        if (text != " ") break;
        at += length;
      }
    }
    if (at == in.size()) {
      out.clear();
      return true;
    }
    out.reserve(in.size() + in.size() / 2);
    if (options.add_dummy_prefix && !options.whitespace_as_suffix) out += space;
    bool after_space = options.remove_extra_whitespaces;
    while (at < in.size()) {
      auto [text, length] = next(in.substr(at));
      at += length;
      while (after_space && text.starts_with(' ')) text.remove_prefix(1);
      if (text.empty()) continue;
      for (const char c : text) {
        if (c == ' ')
          out += space;
        else
          out += c;
      }
      after_space = options.remove_extra_whitespaces && text.ends_with(' ');
    }
    if (options.remove_extra_whitespaces)
      while (out.ends_with(space)) out.resize(out.size() - space.size());
    if (options.add_dummy_prefix && options.whitespace_as_suffix) out += space;
    return true;
  }

  static std::vector<std::pair<std::string_view, int32_t>> entries(
      const std::vector<std::string_view>& keys) {
    std::vector<std::pair<std::string_view, int32_t>> all;
    all.reserve(keys.size());
    for (const std::string_view key : keys) all.emplace_back(key, 0);
    return all;
  }

  // The replacement of the text's beginning, and how many bytes it replaces.
  std::pair<std::string_view, size_t> next(std::string_view in) const {
    size_t longest = 0;
    kept.for_each_prefix(in, [&](size_t length, int32_t) { longest = length; });
    if (longest > 0) return {in.substr(0, longest), longest};
    if (const auto match = map.longest_prefix(in)) return {match->replacement, match->length};
    const utf8::Decoded d = utf8::decode(in);
    return {in.substr(0, d.size), d.size};
  }

  NormalizeSentencePiece options;
  Charsmap map;
  Trie kept;
};

struct SpellBytesStep : Step {
  bool apply(std::string_view in, std::string& out) const override {
    out = byte_alphabet::spell(in);
    return true;
  }
};

struct Prepare {
  const std::vector<std::string_view>& kept;
  const std::string& source;
  using Result = std::unique_ptr<const Step>;

  Result operator()(NormalizeUnicode& s) const { return std::make_unique<UnicodeStep>(s.form); }
  Result operator()(Lowercase&) const { return std::make_unique<LowercaseStep>(); }
  Result operator()(StripAccents&) const { return std::make_unique<StripAccentsStep>(); }
  Result operator()(NormalizeNmt&) const { return std::make_unique<NmtStep>(); }
  Result operator()(ReplacePattern& s) const {
    if (s.pattern.kind == TextPattern::Kind::kLiteral)
      return std::make_unique<ReplaceLiteralStep>(std::move(s.pattern.text), std::move(s.with));
    return std::make_unique<ReplaceRegexStep>(s.pattern.text, std::move(s.with), source);
  }
  Result operator()(PrependText& s) const { return std::make_unique<PrependStep>(std::move(s.text)); }
  Result operator()(StripWhitespace& s) const { return std::make_unique<StripStep>(s.sides); }
  Result operator()(ApplyCharsmap& s) const { return std::make_unique<CharsmapStep>(s.charsmap, source); }
  Result operator()(NormalizeBert& s) const { return std::make_unique<BertStep>(s); }
  Result operator()(NormalizeSentencePiece& s) const {
    return std::make_unique<SentencePieceStep>(std::move(s), kept, source);
  }
  Result operator()(SpellBytes&) const { return std::make_unique<SpellBytesStep>(); }
};

}  // namespace

Normalizer::Normalizer(std::vector<NormalizeStep> steps, const std::vector<std::string_view>& kept,
                       const std::string& source) {
  for (NormalizeStep& step : steps) steps_.push_back(std::visit(Prepare{kept, source}, step));
}

Normalizer::~Normalizer() = default;

std::string_view Normalizer::apply(std::string_view text, std::string& storage) const {
  std::string next;
  for (const auto& step : steps_) {
    next.clear();
    if (!step->apply(text, next)) continue;
    storage.swap(next);
    text = storage;
  }
  return text;
}

std::string_view Normalizer::apply(std::string_view text, std::string& storage, size_t& start) const {
  std::string next;
  start = text.empty() ? 0 : utf8::decode(text).size;
  for (const auto& step : steps_) {
    next.clear();
    const size_t start_then = step->start_after(text, start);
    if (!step->apply(text, next)) continue;
    start = start_then;
    storage.swap(next);
    text = storage;
  }
  return text;
}

}  // namespace ferrum
