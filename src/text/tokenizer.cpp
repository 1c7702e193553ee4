#include "text/tokenizer.h"

#include <mutex>
#include <utility>

#include "base/log.h"
#include "base/utf8.h"
#include "text/added_tokens.h"
#include "text/normalizer.h"
#include "text/pretokenizer.h"
#include "text/text_joiner.h"
#include "text/token_model.h"
#include "text/token_texts.h"
#include "text/tokenizer_spec.h"
#include "text/vocabulary.h"

namespace ferrum {
namespace {

// Scratch memory that calls borrow. There are as many as the largest number of concurrent calls.
class ScratchPool {
 public:
  class Loan {
   public:
    explicit Loan(ScratchPool& pool) : pool_(pool), scratch_(pool.take()) {}
    ~Loan() {
      scratch_->trim();
      pool_.give_back(std::move(scratch_));
    }
    Loan(const Loan&) = delete;
    Loan& operator=(const Loan&) = delete;
    EncodeScratch& operator*() { return *scratch_; }

   private:
    ScratchPool& pool_;
    std::unique_ptr<EncodeScratch> scratch_;
  };

 private:
  std::unique_ptr<EncodeScratch> take() {
    const std::lock_guard lock(mutex_);
    if (free_.empty()) return std::make_unique<EncodeScratch>();
    auto scratch = std::move(free_.back());
    free_.pop_back();
    return scratch;
  }
  void give_back(std::unique_ptr<EncodeScratch> scratch) {
    const std::lock_guard lock(mutex_);
    free_.push_back(std::move(scratch));
  }

  std::mutex mutex_;
  std::vector<std::unique_ptr<EncodeScratch>> free_;
};

std::vector<std::string_view> verbatim_spellings(const TokenizerSpec& spec, const Vocabulary& vocabulary) {
  std::vector<std::string_view> kept;
  for (const AddedToken& added : spec.added)
    if (added.match == AddedToken::Match::kNormalizedTextVerbatim)
      kept.push_back(vocabulary[added.id].spelling);
  return kept;
}

// If only parts of the text are trusted, control tokens are always looked for before normalisation, since the
// normalised text no longer shows which bytes are trusted.
std::vector<AddedTokens::Pattern> patterns_in_raw_text(const TokenizerSpec& spec,
                                                       const Vocabulary& vocabulary, bool partly_trusted) {
  std::vector<AddedTokens::Pattern> patterns;
  for (const AddedToken& added : spec.added)
    if (added.match == AddedToken::Match::kRawText ||
        (partly_trusted && vocabulary[added.id].kind == TokenKind::kControl))
      patterns.push_back({vocabulary[added.id].spelling, added});
  return patterns;
}

std::vector<AddedTokens::Pattern> patterns_in_normalized_text(const TokenizerSpec& spec,
                                                              const Vocabulary& vocabulary,
                                                              const Normalizer& normalizer) {
  std::vector<AddedTokens::Pattern> patterns;
  for (const AddedToken& added : spec.added) {
    if (added.match == AddedToken::Match::kRawText) continue;
    std::string_view text = vocabulary[added.id].spelling;
    std::string storage;
    if (added.match == AddedToken::Match::kNormalizedText) text = normalizer.apply(text, storage);
    patterns.push_back({std::string(text), added});
  }
  return patterns;
}

bool falls_back_to_bytes(const ModelSpec& model) {
  const auto* bpe = std::get_if<BpeSpec>(&model);
  const auto* unigram = std::get_if<UnigramSpec>(&model);
  return (bpe && bpe->byte_fallback) || (unigram && unigram->byte_fallback);
}

// Encoding: takes added tokens out of the text, normalises the rest, takes added tokens out of that, and
// splits the rest into pieces for the model.
class ModelTokenizer final : public Tokenizer {
 public:
  explicit ModelTokenizer(TokenizerSpec spec)
      : vocabulary_(std::move(spec.tokens), std::move(spec.aliases), spec.source, spec.tokens_field),
        special_(spec.special),
        prefix_(std::move(spec.prefix)),
        suffix_(std::move(spec.suffix)),
        normalizer_(std::move(spec.normalizer), verbatim_spellings(spec, vocabulary_), spec.source),
        pretokenizer_(std::move(spec.pretokenizer), spec.source),
        model_(TokenModel::make(spec.model, vocabulary_, pretokenizer_.units(), spec.unknown,
                                spec.merges_field)),
        raw_added_(patterns_in_raw_text(spec, vocabulary_, false), vocabulary_),
        partly_trusted_added_(patterns_in_raw_text(spec, vocabulary_, true), vocabulary_),
        normalized_added_(patterns_in_normalized_text(spec, vocabulary_, normalizer_), vocabulary_),
        texts_(spec.decoder, vocabulary_),
        spells_bytes_(pretokenizer_.spells_bytes() || falls_back_to_bytes(spec.model)) {}

  std::vector<TokenId> encode(std::span<const TextSpan> spans, const EncodeOptions& options) const override {
    std::vector<TokenId> ids;
    if (options.add_special) ids = prefix_;
    ScratchPool::Loan scratch(pool_);
    if (spans.size() == 1 && (spells_bytes_ || utf8::is_valid(spans[0].text))) {
      encode_text({spans[0].text, spans[0].trusted, {}}, *scratch, ids);
    } else {
      const Joined joined = join(spans);
      encode_text({joined.text, false, joined.trust}, *scratch, ids);
    }
    if (options.add_special) ids.insert(ids.end(), suffix_.begin(), suffix_.end());
    return ids;
  }

  int size() const override { return vocabulary_.size(); }
  std::string_view spelling(TokenId id) const override { return token(id).spelling; }
  TokenKind kind(TokenId id) const override { return token(id).kind; }
  std::optional<TokenId> find(std::string_view spelling) const override { return vocabulary_.find(spelling); }

  std::string bytes_at(TokenId id, TokenPlace place) const override {
    return is_structure(id) ? token(id).spelling : text_of(id, place);
  }
  const TextRules& text_rules() const override { return texts_.rules(); }

  std::string decode(std::span<const TokenId> ids, bool with_control) const override {
    const auto text_at = [&](TokenId id, TokenPlace place) { return text_of(id, place); };
    TextJoiner joiner(text_rules(), TextJoiner::Start::kOfText);
    std::string text;
    for (const TokenId id : ids)
      if (with_control || !is_structure(id)) text += joiner.push(id, text_at);
    return text += joiner.finish(text_at);
  }

  const Special& special() const override { return special_; }

 private:
  // Models pad their tables, so ids past the vocabulary occur: they have no text.
  const TokenizerSpec::Token& token(TokenId id) const {
    static const TokenizerSpec::Token kPadding{.spelling = "", .kind = TokenKind::kUnused};
    return vocabulary_.contains(id) ? vocabulary_[id] : kPadding;
  }
  std::string text_of(TokenId id, TokenPlace place) const {
    return vocabulary_.contains(id) ? texts_.at(id, place) : std::string();
  }
  bool is_structure(TokenId id) const {
    const TokenKind kind = token(id).kind;
    return kind == TokenKind::kControl || kind == TokenKind::kUnknown;
  }

  struct Joined {
    std::string text, trust;
  };
  // Tokens may span the borders of spans. A vocabulary without bytes reads malformed UTF-8 as U+FFFD.
  Joined join(std::span<const TextSpan> spans) const {
    Joined all;
    for (const TextSpan& span : spans) {
      all.text += span.text;
      all.trust.append(span.text.size(), span.trusted ? '\1' : '\0');
    }
    if (spells_bytes_ || utf8::is_valid(all.text)) return all;
    Joined good;
    for (size_t i = 0; i < all.text.size();) {
      const utf8::Decoded d = utf8::decode(std::string_view(all.text).substr(i));
      utf8::append(good.text, d.code_point);
      good.trust.append(good.text.size() - good.trust.size(), all.trust[i]);
      i += d.size;
    }
    return good;
  }

  void encode_text(const TrustedText& text, EncodeScratch& scratch, std::vector<TokenId>& ids) const {
    std::vector<AddedTokens::Part> raw_parts, parts;
    std::string storage;
    (text.trust.empty() ? raw_added_ : partly_trusted_added_).split(text, raw_parts);
    for (const AddedTokens::Part& raw : raw_parts) {
      if (raw.token) {
        ids.push_back(*raw.token);
        continue;
      }
      const std::string_view written = text.text.substr(raw.begin, raw.end - raw.begin);
      size_t start = 0;
      const std::string_view normal = pretokenizer_.tells_starts() && raw.begin == 0
                                          ? normalizer_.apply(written, storage, start)
                                          : normalizer_.apply(written, storage);
      normalized_added_.split({normal, text.trusts(raw.begin, raw.end), {}}, parts);
      for (const AddedTokens::Part& part : parts) {
        if (part.token) {
          ids.push_back(*part.token);
          continue;
        }
        const size_t part_start = start > part.begin ? start - part.begin : 0;
        const auto piece = [&](std::string_view bytes) { model_->encode(bytes, scratch, ids); };
        pretokenizer_.run(normal.substr(part.begin, part.end - part.begin), part_start, piece);
      }
    }
  }

  Vocabulary vocabulary_;
  Special special_;
  std::vector<TokenId> prefix_, suffix_;
  Normalizer normalizer_;
  Pretokenizer pretokenizer_;
  std::unique_ptr<const TokenModel> model_;
  AddedTokens raw_added_, partly_trusted_added_, normalized_added_;
  TokenTexts texts_;
  bool spells_bytes_;
  mutable ScratchPool pool_;
};

// Drops special and added tokens whose id no token has, with a warning.
void drop_unknown_ids(TokenizerSpec& spec) {
  const auto is_unknown = [&](TokenId id, std::string_view what) {
    const bool unknown = id < 0 || static_cast<size_t>(id) >= spec.tokens.size();
    if (unknown)
      log::warn("{}: {} is {}, past the {} tokens of {}: it is ignored", spec.source, what, id,
                spec.tokens.size(), spec.tokens_field);
    return unknown;
  };
  const auto check = [&](std::optional<TokenId>& id, std::string_view what) {
    if (id && is_unknown(*id, what)) id.reset();
  };
  std::erase_if(spec.added,
                [&](const AddedToken& t) { return is_unknown(t.id, "the id of an added token"); });
  std::erase_if(spec.prefix, [&](TokenId id) { return is_unknown(id, "a token before every text"); });
  std::erase_if(spec.suffix, [&](TokenId id) { return is_unknown(id, "a token after every text"); });
  std::erase_if(spec.special.pair, [&](const TemplatePart& part) {
    return part.text < 0 && is_unknown(part.token, "a token around a pair of texts");
  });
  check(spec.special.bos, "the beginning-of-text token");
  check(spec.special.eos, "the end-of-text token");
  check(spec.special.unk, "the unknown token");
  check(spec.special.pad, "the padding token");
  check(spec.unknown, "the unknown token");
  spec.special.add_bos = spec.special.add_bos && spec.special.bos;
  spec.special.add_eos = spec.special.add_eos && spec.special.eos;
}

// Where the file has no template: the second text follows what ends the first.
std::vector<TemplatePart> plain_pair(const TokenizerSpec& spec) {
  std::vector<TemplatePart> pair;
  const auto add = [&](const std::vector<TokenId>& tokens) {
    for (const TokenId token : tokens) pair.push_back({.token = token});
  };
  add(spec.prefix);
  pair.push_back({.text = 0});
  add(spec.suffix);
  pair.push_back({.text = 1});
  add(spec.suffix);
  return pair;
}

}  // namespace

std::unique_ptr<const Tokenizer> Tokenizer::make(TokenizerSpec spec) {
  drop_unknown_ids(spec);
  spec.special.before = spec.prefix;
  spec.special.after = spec.suffix;
  if (spec.special.pair.empty()) spec.special.pair = plain_pair(spec);
  return std::make_unique<const ModelTokenizer>(std::move(spec));
}

}  // namespace ferrum
