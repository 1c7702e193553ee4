#include "checkpoint/writers/tokenizer_metadata.h"

#include <algorithm>
#include <array>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/error.h"
#include "base/log.h"
#include "base/mapped_file.h"
#include "checkpoint/gguf/pretokenizer_names.h"
#include "checkpoint/safetensors/hf_files.h"
#include "checkpoint/tokenizer/hf_tokenizer.h"

namespace ferrum {
namespace {

namespace fs = std::filesystem;

// tokenizer.ggml.token_type
enum class GgufTokenType : int32_t { kNormal = 1, kUnknown, kControl, kUserDefined, kUnused, kByte };

GgufTokenType type_of(TokenKind kind) {
  switch (kind) {
    case TokenKind::kNormal:
      return GgufTokenType::kNormal;
    case TokenKind::kUnknown:
      return GgufTokenType::kUnknown;
    case TokenKind::kControl:
      return GgufTokenType::kControl;
    case TokenKind::kUserDefined:
      return GgufTokenType::kUserDefined;
    case TokenKind::kUnused:
      return GgufTokenType::kUnused;
    case TokenKind::kByte:
      return GgufTokenType::kByte;
  }
  return GgufTokenType::kNormal;
}

std::string unused_spelling(size_t id) { return fmt::format("[PAD{}]", id); }

void check_vocabulary(size_t tokens, int vocab, const std::string& source) {
  if (tokens > static_cast<size_t>(vocab))
    fail(ErrorCode::kBadConfig, "{}: has {} tokens, but the model's vocabulary has {}", in_quotes(source),
         tokens, vocab);
}

template <class Step>
bool has(const std::vector<NormalizeStep>& steps) {
  return std::any_of(steps.begin(), steps.end(),
                     [](const auto& s) { return std::holds_alternative<Step>(s); });
}

// The one step, if there is no other.
template <class Step, class AnyStep>
const Step* only(const std::vector<AnyStep>& steps) {
  return steps.size() == 1 ? std::get_if<Step>(&steps.front()) : nullptr;
}

bool is_byte_level(const TokenizerSpec& spec) {
  const auto& steps = spec.pretokenizer;
  return has<SpellBytes>(spec.normalizer) || std::any_of(steps.begin(), steps.end(), [](const auto& s) {
           return std::holds_alternative<SplitByteLevel>(s);
         });
}

// The token before a text, and the one behind it, which are a file's BOS and EOS whatever the folder calls
// so.
std::optional<TokenId> first_of(const TokenizerSpec& spec) {
  return spec.prefix.size() == 1 ? std::optional(spec.prefix.front()) : spec.special.bos;
}
std::optional<TokenId> last_of(const TokenizerSpec& spec) {
  return spec.suffix.size() == 1 ? std::optional(spec.suffix.front()) : spec.special.eos;
}

class SpecWriter {
 public:
  SpecWriter(GgufHeader& header, const TokenizerSpec& spec, int vocab)
      : header_(header), spec_(spec), vocab_(vocab) {}

  void run() {
    check_vocabulary(spec_.tokens.size(), vocab_, spec_.source);
    if (const auto* pieces = std::get_if<WordPieceSpec>(&spec_.model))
      word_piece(*pieces);
    else if (const auto* unigram = std::get_if<UnigramSpec>(&spec_.model))
      this->unigram(*unigram);
    else if (const auto* bpe = std::get_if<BpeSpec>(&spec_.model))
      this->bpe(*bpe);
    else
      refuse("its model is no BPE, Unigram or WordPiece");
    specials();
  }

 private:
  void bpe(const BpeSpec& bpe) {
    if (!bpe.continuing_prefix.empty() || !bpe.word_suffix.empty())
      refuse("its tokens have prefixes or suffixes");
    is_byte_level(spec_) ? byte_level(bpe) : sentence_piece(bpe);
  }

  // Files mark the beginnings of words, where folders mark what continues one.
  void word_piece(const WordPieceSpec& pieces) {
    const auto* bert = only<NormalizeBert>(spec_.normalizer);
    if (!bert || !bert->clean_text || !bert->separate_chinese || !only<SplitBert>(spec_.pretokenizer))
      refuse("its way of normalising and splitting text is not BERT's");
    if (!pieces.word_prefix.empty() || pieces.continuing_prefix.empty())
      refuse("its tokens do not mark how words go on");
    header_.set("tokenizer.ggml.model", "bert");
    header_.set("tokenizer.ggml.pre", "default");
    tokens([&](const TokenizerSpec::Token& token) {
      if (token.kind != TokenKind::kNormal) return token.spelling;
      const std::string_view mark = pieces.continuing_prefix;
      return token.spelling.starts_with(mark) ? token.spelling.substr(mark.size()) : "▁" + token.spelling;
    });
    header_.set("tokenizer.ggml.normalizer.lowercase", bert->lowercase);
    header_.set("tokenizer.ggml.normalizer.strip_accents", bert->strip_accents);
    surround_of_encoder();
  }

  void unigram(const UnigramSpec& unigram) {
    if (unigram.own_scores) log::debug("{}: tokens of users compete by their scores", spec_.source);
    header_.set("tokenizer.ggml.model", "t5");
    header_.set("tokenizer.ggml.pre", "default");
    tokens();
    header_.set("tokenizer.ggml.scores", scores());
    header_.set("tokenizer.ggml.add_space_prefix", true);
    header_.set("tokenizer.ggml.remove_extra_whitespaces", true);
    if (const std::string& map = charsmap_of_words(); !map.empty())
      header_.set("tokenizer.ggml.precompiled_charsmap", std::vector<uint8_t>(map.begin(), map.end()));
    surround_of_encoder();
  }

  // Files say that every word begins with a space, and one space is as good as many.
  const std::string& charsmap_of_words() const {
    static const std::string kNone;
    const std::string* map = &kNone;
    bool begins_words = false;
    for (const NormalizeStep& step : spec_.normalizer) {
      if (const auto* own = std::get_if<NormalizeSentencePiece>(&step)) {
        if (!own->add_dummy_prefix || !own->remove_extra_whitespaces || own->whitespace_as_suffix)
          refuse("its way of marking spaces is not XLM-RoBERTa's");
        begins_words = true;
        map = &own->charsmap;
      } else if (const auto* charsmap = std::get_if<ApplyCharsmap>(&step)) {
        map = &charsmap->charsmap;
      } else if (const auto* spaces = std::get_if<ReplacePattern>(&step);
                 !std::holds_alternative<StripWhitespace>(step) &&
                 !(spaces && spaces->pattern.text == " {2,}" && spaces->with == " ")) {
        refuse("its normalisation is more than SentencePiece's");
      }
    }
    for (const PretokenizeStep& step : spec_.pretokenizer) {
      const auto* words = std::get_if<SplitMetaspace>(&step);
      if (words == nullptr && !std::holds_alternative<SplitWhitespace>(step))
        refuse("its way of splitting text is not SentencePiece's");
      begins_words |= words && words->prepend != SplitMetaspace::Prepend::kNever;
    }
    if (!begins_words) refuse("it puts no space before a text");
    return *map;
  }

  // One token goes before a text and one behind it, as files have them.
  void surround_of_encoder() {
    if (spec_.prefix.size() > 1 || spec_.suffix.size() != 1)
      refuse("other tokens than one before and one behind go around a text");
    if (!spec_.prefix.empty()) set("tokenizer.ggml.cls_token_id", spec_.prefix.front());
  }

  void byte_level(const BpeSpec& bpe) {
    const auto pre = gguf_pretokenizer_name(spec_);
    if (!pre) refuse("its way of normalising and splitting text has no name there");
    header_.set("tokenizer.ggml.model", "gpt2");
    header_.set("tokenizer.ggml.pre", std::string(*pre));
    tokens();
    std::vector<std::string> merges;
    merges.reserve(bpe.merges.size());
    for (const auto& [left, right] : bpe.merges) {
      if (left.find(' ') != std::string::npos || right.find(' ') != std::string::npos)
        refuse("the merge of " + in_quotes(left) + " and " + in_quotes(right) + " has a space in it");
      merges.push_back(fmt::format("{} {}", left, right));
    }
    header_.set("tokenizer.ggml.merges", std::move(merges));
  }

  void sentence_piece(const BpeSpec& bpe) {
    if (!bpe.byte_fallback && !bpe.by_score) refuse("it is neither byte-level nor falls back to bytes");
    header_.set("tokenizer.ggml.model", "llama");
    header_.set("tokenizer.ggml.pre", "default");
    tokens();
    header_.set("tokenizer.ggml.scores", bpe.by_score ? scores() : scores_of_merges(bpe));
    header_.set("tokenizer.ggml.add_space_prefix", adds_space());
  }

  void tokens() {
    tokens([](const TokenizerSpec::Token& token) { return token.spelling; });
  }

  template <class Spell>
  void tokens(const Spell& spelling_of) {
    std::vector<std::string> spellings;
    std::vector<int32_t> types;
    for (const TokenizerSpec::Token& token : spec_.tokens) {
      spellings.push_back(spelling_of(token));
      types.push_back(static_cast<int32_t>(type_of(token.kind)));
    }
    while (spellings.size() < static_cast<size_t>(vocab_)) {
      spellings.push_back(unused_spelling(spellings.size()));
      types.push_back(static_cast<int32_t>(GgufTokenType::kUnused));
    }
    header_.set("tokenizer.ggml.tokens", std::move(spellings));
    header_.set("tokenizer.ggml.token_type", std::move(types));
  }

  std::vector<float> scores() const {
    std::vector<float> scores;
    for (const TokenizerSpec::Token& token : spec_.tokens) scores.push_back(static_cast<float>(token.score));
    scores.resize(static_cast<size_t>(vocab_));
    return scores;
  }

  // Joining the pair whose token has the best score is joining by merges where a token's score is the
  // (negative) rank of the first merge that gives it.
  std::vector<float> scores_of_merges(const BpeSpec& bpe) const {
    std::unordered_map<std::string, size_t> rank;
    for (size_t i = 0; i < bpe.merges.size(); ++i)
      rank.emplace(bpe.merges[i].first + bpe.merges[i].second, i);
    std::vector<float> scores;
    for (const TokenizerSpec::Token& token : spec_.tokens) {
      const auto it = rank.find(token.spelling);
      scores.push_back(-static_cast<float>(it == rank.end() ? bpe.merges.size() : it->second));
    }
    scores.resize(static_cast<size_t>(vocab_));
    return scores;
  }

  // All that GGUF can say of SentencePiece's normalisation: spaces become "▁", and one goes before a text or
  // not.
  bool adds_space() const {
    for (const NormalizeStep& step : spec_.normalizer) {
      const auto* own = std::get_if<NormalizeSentencePiece>(&step);
      const auto* replaced = std::get_if<ReplacePattern>(&step);
      const bool is_odd =
          own ? !own->charsmap.empty() || own->remove_extra_whitespaces || own->whitespace_as_suffix
              : !(replaced && replaced->pattern.text == " " && replaced->with == "▁") &&
                    !std::holds_alternative<PrependText>(step);
      if (is_odd) refuse("its normalisation is more than marking spaces");
      if (own) return own->add_dummy_prefix;
    }
    for (const PretokenizeStep& step : spec_.pretokenizer)
      if (const auto* space = std::get_if<SplitMetaspace>(&step))
        return space->prepend != SplitMetaspace::Prepend::kNever;
    return has<PrependText>(spec_.normalizer);
  }

  void specials() {
    const Tokenizer::Special& special = spec_.special;
    set("tokenizer.ggml.bos_token_id", first_of(spec_));
    set("tokenizer.ggml.unknown_token_id", special.unk ? special.unk : spec_.unknown);
    set("tokenizer.ggml.padding_token_id", special.pad);
    header_.set("tokenizer.ggml.add_bos_token", special.add_bos || spec_.prefix.size() == 1);
    header_.set("tokenizer.ggml.add_eos_token", special.add_eos || spec_.suffix.size() == 1);
    separators();
  }

  // Between the texts of a pair: the end of a text, or that and one token more.
  void separators() {
    std::vector<TokenId> between;
    bool is_between = false;
    for (const TemplatePart& part : spec_.special.pair) {
      if (part.text >= 0)
        is_between = part.text == 0;
      else if (is_between)
        between.push_back(part.token);
    }
    if (spec_.suffix.size() != 1 || between.empty() || between.front() != spec_.suffix.front()) return;
    set("tokenizer.ggml.seperator_token_id", between.back());
    header_.set("tokenizer.ggml.add_sep_token", between.size() == 2);
  }

  void set(std::string_view key, const std::optional<TokenId>& id) {
    if (id) header_.set(key, static_cast<uint32_t>(*id));
  }

  [[noreturn]] void refuse(const std::string& why) const {
    fail(ErrorCode::kUnsupported, "{}: this tokenizer cannot be expressed in GGUF: {}",
         in_quotes(spec_.source), why);
  }

  GgufHeader& header_;
  const TokenizerSpec& spec_;
  int vocab_;
};

// The tokenizer's own EOS first, if it ends an answer; else the first that does.
void set_stop_tokens(GgufHeader& header, std::optional<TokenId> eos, std::vector<TokenId> stops,
                     const std::string& source) {
  if (eos && std::erase(stops, *eos) == 0 && !stops.empty())
    log::debug("{}: EOS does not end an answer", source);
  if (eos) stops.insert(stops.begin(), *eos);
  constexpr std::array kKeys = {"tokenizer.ggml.eos_token_id", "tokenizer.ggml.eot_token_id",
                                "tokenizer.ggml.eom_token_id"};
  for (size_t i = 0; i < std::min(stops.size(), kKeys.size()); ++i)
    header.set(kKeys[i], static_cast<uint32_t>(stops[i]));
  for (size_t i = kKeys.size(); i < stops.size(); ++i)
    log::warn("{}: GGUF has no key for a further token that ends an answer: {}", source, stops[i]);
}

void set_with_what_lies_beside(GgufHeader& header, const TokenizerSpec& spec, const fs::path& folder,
                               int vocab, const std::vector<TokenId>& stop_tokens) {
  set_tokenizer_metadata(header, spec, vocab);
  set_stop_tokens(header, last_of(spec), stop_tokens, folder.string());
  if (const auto chat_template = hf_chat_template(folder))
    header.set("tokenizer.chat_template", *chat_template);
}

template <class T>
std::vector<T> padded(const std::vector<T>& values, int vocab, T with) {
  std::vector<T> all = values;
  all.resize(static_cast<size_t>(vocab), with);
  return all;
}

// One entry for each token, so these grow with the vocabulary.
bool copy_padded(GgufHeader& header, const GgufMetadata& metadata, std::string_view key, int vocab) {
  if (key == "tokenizer.ggml.tokens") {
    const auto tokens = metadata.strings(key);
    std::vector<std::string> all(tokens->begin(), tokens->end());
    while (all.size() < static_cast<size_t>(vocab)) all.push_back(unused_spelling(all.size()));
    header.set(key, std::move(all));
  } else if (key == "tokenizer.ggml.scores") {
    header.set(key, padded(*metadata.floats(key), vocab, 0.0f));
  } else if (key == "tokenizer.ggml.token_type") {
    const auto read = *metadata.integers(key);
    const std::vector<int32_t> types(read.begin(), read.end());
    header.set(key, padded(types, vocab, static_cast<int32_t>(GgufTokenType::kUnused)));
  } else {
    return false;
  }
  return true;
}

void copy_from_gguf(GgufHeader& header, const fs::path& source, int vocab) {
  const auto file = GgufFile::open(source);
  const GgufMetadata& metadata = file->metadata();
  const auto tokens = metadata.strings("tokenizer.ggml.tokens");
  if (!tokens) fail(ErrorCode::kNotFound, "{}: has no tokenizer", in_quotes(source.string()));
  check_vocabulary(tokens->size(), vocab, source.string());
  for (const auto& [key, value] : metadata.entries())
    if (key.starts_with("tokenizer.") && !copy_padded(header, metadata, key, vocab)) header.copy(key, value);
}

}  // namespace

void set_tokenizer_metadata(GgufHeader& header, const TokenizerSpec& spec, int vocab) {
  SpecWriter(header, spec, vocab).run();
}

void set_no_tokenizer(GgufHeader& header) { header.set("tokenizer.ggml.model", "none"); }

void set_hf_tokenizer(GgufHeader& header, const fs::path& folder, int vocab,
                      const std::vector<TokenId>& stop_tokens) {
  if (const auto spec = read_hf_tokenizer(folder)) {
    set_with_what_lies_beside(header, *spec, folder, vocab, stop_tokens);
  } else {
    set_no_tokenizer(header);
    set_stop_tokens(header, std::nullopt, stop_tokens, folder.string());
  }
}

void set_tokenizer_from(GgufHeader& header, const fs::path& source, int vocab) {
  if (!fs::exists(source))
    fail(ErrorCode::kNotFound, "{}: no such file or folder", in_quotes(source.string()));
  if (source.extension() == ".gguf") return copy_from_gguf(header, source, vocab);
  const bool is_folder = fs::is_directory(source);
  const auto spec = is_folder ? read_hf_tokenizer(source) : std::optional(read_hf_tokenizer_file(source));
  if (!spec) fail(ErrorCode::kNotFound, "{}: no tokenizer there", in_quotes(source.string()));
  const fs::path folder = is_folder ? source : fs::absolute(source).parent_path();
  set_with_what_lies_beside(header, *spec, folder, vocab, hf_generation(folder, vocab).stop_tokens);
}

}  // namespace ferrum
