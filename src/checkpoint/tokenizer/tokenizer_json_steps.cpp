#include "checkpoint/tokenizer/tokenizer_json_steps.h"

#include <array>
#include <limits>

#include "base/base64.h"
#include "base/error.h"

namespace ferrum {
namespace {

// \w+|[^\w\s]+ with the \w of Rust's regular expressions, which has the two joiners and no fractions.
constexpr std::string_view kRustWords =
    R"([\p{Alphabetic}\p{M}\p{Nd}\p{Pc}\x{200C}\x{200D}]+|[^\p{Alphabetic}\p{M}\p{Nd}\p{Pc}\x{200C}\x{200D}\s]+)";

[[noreturn]] void refuse_type(const JsonView& json, std::string_view type) {
  fail(ErrorCode::kUnsupported, "{}: {} has the type {}, which Ferrum does not know", json.source(),
       json.field(), in_quotes(type));
}

TextPattern read_pattern(const JsonView& json) {
  if (const auto literal = json.find("String")) return {TextPattern::Kind::kLiteral, literal->string()};
  return {TextPattern::Kind::kRegex, json.at("Regex").string()};
}

SplitBehavior read_behavior(const JsonView& json) {
  static constexpr std::array<std::pair<std::string_view, SplitBehavior>, 5> kNames{{
      {"Isolated", SplitBehavior::kIsolated},
      {"Removed", SplitBehavior::kRemoved},
      {"MergedWithPrevious", SplitBehavior::kMergedWithPrevious},
      {"MergedWithNext", SplitBehavior::kMergedWithNext},
      {"Contiguous", SplitBehavior::kContiguous},
  }};
  for (const auto& [name, behavior] : kNames)
    if (json.string() == name) return behavior;
  json.refuse("is " + in_quotes(json.string()) + ", which is no behavior of a split");
}

void add_normalizer(const JsonView& json, std::vector<NormalizeStep>& steps) {
  const std::string type = json.at("type").string();
  if (type == "Sequence") {
    const JsonView parts = json.at("normalizers");
    for (size_t i = 0; i < parts.size(); ++i) add_normalizer(parts.element(i), steps);
  } else if (type == "NFC") {
    steps.emplace_back(NormalizeUnicode{unicode::Form::kNfc});
  } else if (type == "NFD") {
    steps.emplace_back(NormalizeUnicode{unicode::Form::kNfd});
  } else if (type == "NFKC") {
    steps.emplace_back(NormalizeUnicode{unicode::Form::kNfkc});
  } else if (type == "NFKD") {
    steps.emplace_back(NormalizeUnicode{unicode::Form::kNfkd});
  } else if (type == "Lowercase") {
    steps.emplace_back(Lowercase{});
  } else if (type == "StripAccents") {
    steps.emplace_back(StripAccents{});
  } else if (type == "Nmt") {
    steps.emplace_back(NormalizeNmt{});
  } else if (type == "ByteLevel") {
    steps.emplace_back(SpellBytes{});
  } else if (type == "Replace") {
    steps.emplace_back(ReplacePattern{read_pattern(json.at("pattern")), json.at("content").string()});
  } else if (type == "Prepend") {
    steps.emplace_back(PrependText{json.at("prepend").string()});
  } else if (type == "Strip") {
    const bool left = json.boolean_or("strip_left", true);
    const bool right = json.boolean_or("strip_right", true);
    if (left || right)
      steps.emplace_back(StripWhitespace{left && right ? Sides::kBoth : left ? Sides::kLeft : Sides::kRight});
  } else if (type == "BertNormalizer") {
    const bool lowercase = json.boolean_or("lowercase", true);
    steps.emplace_back(NormalizeBert{.clean_text = json.boolean_or("clean_text", true),
                                     .separate_chinese = json.boolean_or("handle_chinese_chars", true),
                                     .strip_accents = json.boolean_or("strip_accents", lowercase),
                                     .lowercase = lowercase});
  } else if (type == "Precompiled") {
    const JsonView charsmap = json.at("precompiled_charsmap");
    auto bytes = decode_base64(charsmap.string());
    if (!bytes) charsmap.refuse("is not base64");
    steps.emplace_back(ApplyCharsmap{std::move(*bytes)});
  } else {
    refuse_type(json, type);
  }
}

SplitMetaspace read_metaspace(const JsonView& json) {
  SplitMetaspace step;
  step.replacement = json.string_or("replacement", "▁");
  step.split = json.boolean_or("split", true);
  const std::string scheme = json.string_or("prepend_scheme", "always");
  if (scheme == "first")
    step.prepend = SplitMetaspace::Prepend::kFirst;
  else if (scheme == "never" || !json.boolean_or("add_prefix_space", true))
    step.prepend = SplitMetaspace::Prepend::kNever;
  else if (scheme != "always")
    json.at("prepend_scheme").refuse("is " + in_quotes(scheme) + ", expected always, first or never");
  return step;
}

void add_pretokenizer(const JsonView& json, std::vector<PretokenizeStep>& steps) {
  const std::string type = json.at("type").string();
  if (type == "Sequence") {
    const JsonView parts = json.at("pretokenizers");
    for (size_t i = 0; i < parts.size(); ++i) add_pretokenizer(parts.element(i), steps);
  } else if (type == "Split") {
    steps.emplace_back(SplitPattern{read_pattern(json.at("pattern")), read_behavior(json.at("behavior")),
                                    json.boolean_or("invert", false)});
  } else if (type == "ByteLevel") {
    steps.emplace_back(
        SplitByteLevel{json.boolean_or("add_prefix_space", true), json.boolean_or("use_regex", true)});
  } else if (type == "Metaspace") {
    steps.emplace_back(read_metaspace(json));
  } else if (type == "Digits") {
    steps.emplace_back(SplitDigits{json.boolean_or("individual_digits", false)});
  } else if (type == "Punctuation") {
    const auto behavior = json.find("behavior");
    steps.emplace_back(SplitPunctuation{behavior ? read_behavior(*behavior) : SplitBehavior::kIsolated});
  } else if (type == "Whitespace") {
    steps.emplace_back(
        SplitPattern{{TextPattern::Kind::kRegex, std::string(kRustWords)}, SplitBehavior::kRemoved, true});
  } else if (type == "WhitespaceSplit") {
    steps.emplace_back(SplitWhitespace{});
  } else if (type == "BertPreTokenizer") {
    steps.emplace_back(SplitBert{});
  } else if (type == "UnicodeScripts") {
    steps.emplace_back(SplitScripts{});
  } else if (type == "FixedLength") {
    const auto length = json.find("length");
    steps.emplace_back(SplitFixedLength{
        length ? static_cast<size_t>(length->integer(1, std::numeric_limits<int>::max())) : 5});
  } else if (type == "CharDelimiterSplit") {
    steps.emplace_back(SplitPattern{
        {TextPattern::Kind::kLiteral, json.at("delimiter").string()}, SplitBehavior::kRemoved, false});
  } else {
    refuse_type(json, type);
  }
}

void add_decoder(const JsonView& json, std::vector<DecodeStep>& steps) {
  const std::string type = json.at("type").string();
  if (type == "Sequence") {
    const JsonView parts = json.at("decoders");
    for (size_t i = 0; i < parts.size(); ++i) add_decoder(parts.element(i), steps);
  } else if (type == "ByteLevel") {
    steps.emplace_back(DecodeByteLevel{});
  } else if (type == "ByteFallback") {
    steps.emplace_back(DecodeByteFallback{});
  } else if (type == "Fuse") {
    steps.emplace_back(DecodeFuse{});
  } else if (type == "Metaspace") {
    const SplitMetaspace metaspace = read_metaspace(json);
    steps.emplace_back(
        DecodeMetaspace{metaspace.replacement, metaspace.prepend != SplitMetaspace::Prepend::kNever});
  } else if (type == "Replace") {
    steps.emplace_back(DecodeReplace{read_pattern(json.at("pattern")), json.at("content").string()});
  } else if (type == "Strip") {
    const auto times = [&](std::string_view key) {
      return static_cast<size_t>(json.at(key).integer(0, std::numeric_limits<int>::max()));
    };
    steps.emplace_back(DecodeStrip{json.at("content").string(), times("start"), times("stop")});
  } else if (type == "WordPiece") {
    steps.emplace_back(DecodeWordPiece{json.string_or("prefix", "##"), json.boolean_or("cleanup", true)});
  } else if (type == "BPEDecoder") {
    steps.emplace_back(DecodeSuffix{json.string_or("suffix", "</w>")});
  } else if (type == "CTC") {
    steps.emplace_back(DecodeCtc{json.string_or("pad_token", "<pad>"),
                                 json.string_or("word_delimiter_token", "|"),
                                 json.boolean_or("cleanup", true)});
  } else {
    refuse_type(json, type);
  }
}

TokenId read_id(const JsonView& json) {
  return static_cast<TokenId>(json.integer(0, std::numeric_limits<TokenId>::max()));
}

// A post-processor works on a list of encodings: at first one for each text. Their parts are followed here
// without the texts' tokens.
using Encoding = std::vector<TemplatePart>;

std::vector<TokenId> ids_of(const JsonView& json, const std::string& name) {
  const JsonView ids = json.at("special_tokens").at(name).at("ids");
  std::vector<TokenId> tokens;
  for (size_t k = 0; k < ids.size(); ++k) tokens.push_back(read_id(ids.element(k)));
  return tokens;
}

void set_type(Encoding& encoding, int type) {
  for (TemplatePart& part : encoding) part.type = type;
}

// {"single": [{"SpecialToken": {"id": "<s>"}}, {"Sequence": {"id": "A"}}], "special_tokens": {"<s>": {"ids":
// [1]}}}. Every part becomes an encoding of its own.
std::vector<Encoding> fill_template(const JsonView& json, const std::vector<Encoding>& texts) {
  constexpr int kMostTypes = 1 << 20;
  if (texts.size() > 2)
    fail(ErrorCode::kUnsupported, "{}: {} is a template for {} parts, which there is none for", json.source(),
         json.field(), texts.size());
  const auto parts = json.find(texts.size() == 1 ? "single" : "pair");
  if (!parts) {  // the library's default
    std::vector<Encoding> all = texts;
    for (size_t i = 0; i < all.size(); ++i) set_type(all[i], static_cast<int>(i));
    return all;
  }
  std::vector<Encoding> all;
  for (size_t i = 0; i < parts->size(); ++i) {
    const JsonView part = parts->element(i);
    const auto text = part.find("Sequence");
    const JsonView fields = text ? *text : part.at("SpecialToken");
    const auto type = fields.find("type_id");
    const std::string name = fields.at("id").string();
    Encoding& encoding = all.emplace_back();
    if (text) {
      const size_t which = name == "B" ? 1 : 0;
      if (which >= texts.size()) fields.refuse("names a second text, where there is one");
      encoding = texts[which];
    } else {
      for (const TokenId token : ids_of(json, name)) encoding.push_back({.token = token});
    }
    set_type(encoding, type ? static_cast<int>(type->integer(0, kMostTypes)) : 0);
  }
  return all;
}

// BERT: [CLS] first [SEP] second [SEP]; RoBERTa: the second begins with [SEP] too, and all are of type 0.
void surround(const JsonView& json, bool is_roberta, std::vector<Encoding>& encodings) {
  const TemplatePart cls{.token = read_id(json.at("cls").element(1))};
  const TemplatePart sep{.token = read_id(json.at("sep").element(1))};
  for (size_t i = 0; i < encodings.size(); ++i) {
    Encoding& encoding = encodings[i];
    if (is_roberta) set_type(encoding, 0);
    if (i == 0 || is_roberta) encoding.insert(encoding.begin(), i == 0 ? cls : sep);
    encoding.push_back(sep);
    if (i > 0 && !is_roberta) encoding.back().type = 1;
  }
}

void process(const JsonView& json, std::vector<Encoding>& encodings) {
  const std::string type = json.at("type").string();
  if (type == "Sequence") {
    const JsonView parts = json.at("processors");
    for (size_t i = 0; i < parts.size(); ++i) process(parts.element(i), encodings);
  } else if (type == "TemplateProcessing") {
    encodings = fill_template(json, encodings);
  } else if (type == "BertProcessing" || type == "RobertaProcessing") {
    surround(json, type == "RobertaProcessing", encodings);
  } else if (type != "ByteLevel") {
    refuse_type(json, type);
  }
}

Encoding processed(const JsonView& json, std::vector<Encoding> encodings) {
  process(json, encodings);
  Encoding whole;
  for (const Encoding& encoding : encodings) whole.insert(whole.end(), encoding.begin(), encoding.end());
  return whole;
}

}  // namespace

std::vector<NormalizeStep> read_normalizer(const JsonView& json) {
  std::vector<NormalizeStep> steps;
  add_normalizer(json, steps);
  return steps;
}

std::vector<PretokenizeStep> read_pretokenizer(const JsonView& json) {
  std::vector<PretokenizeStep> steps;
  add_pretokenizer(json, steps);
  return steps;
}

std::vector<DecodeStep> read_decoder(const JsonView& json) {
  std::vector<DecodeStep> steps;
  add_decoder(json, steps);
  return steps;
}

void read_post_processor(const JsonView& json, TokenizerSpec& spec) {
  const Encoding first = {{.text = 0}};
  const Encoding second = {{.text = 1, .type = 1}};
  const Encoding single = processed(json, {first});
  bool seen_text = false;
  for (const TemplatePart& part : single) {
    if (part.text < 0) {
      (seen_text ? spec.suffix : spec.prefix).push_back(part.token);
    } else {
      if (seen_text)
        fail(ErrorCode::kUnsupported, "{}: {} repeats the text, which Ferrum does not", json.source(),
             json.field());
      seen_text = true;
    }
  }
  if (!seen_text)
    fail(ErrorCode::kUnsupported, "{}: {} has no place for the text", json.source(), json.field());
  try {
    spec.special.pair = processed(json, {first, second});
  } catch (const Error& e) {  // a template may have no place for two texts, which few models need
    if (e.code() != ErrorCode::kUnsupported) throw;
  }
}

}  // namespace ferrum
