#include "checkpoint/gguf/gguf_tokenizer.h"

#include <algorithm>
#include <cmath>
#include <string>

#include "base/error.h"
#include "base/log.h"
#include "checkpoint/gguf/gguf_pretokenizers.h"
#include "checkpoint/tokenizer/sentencepiece_model.h"
#include "text/end_tokens.h"
#include "text/infill_tokens.h"
#include "text/vocabulary.h"

namespace ferrum {
namespace {

constexpr std::string_view kModel = "tokenizer.ggml.model";
constexpr std::string_view kTokens = "tokenizer.ggml.tokens";
constexpr std::string_view kScores = "tokenizer.ggml.scores";
constexpr std::string_view kTypes = "tokenizer.ggml.token_type";
constexpr std::string_view kMerges = "tokenizer.ggml.merges";
constexpr std::string_view kPre = "tokenizer.ggml.pre";

// Type 0 stands for an undefined type.
TokenKind kind_of(int64_t type, size_t id, const GgufMetadata& metadata) {
  if (type == 0) return TokenKind::kNormal;
  const auto kind = sentencepiece_kind(static_cast<uint64_t>(type));
  if (!kind)
    fail(ErrorCode::kBadFile, "{}: {}[{}] is {}, expected 0 to 6", metadata.source(), kTypes, id, type);
  return *kind;
}

class Reader {
 public:
  explicit Reader(const GgufMetadata& metadata) : metadata_(metadata) {
    spec_.source = metadata.source();
    spec_.tokens_field = kTokens;
    spec_.merges_field = kMerges;
  }

  TokenizerSpec read() {
    const auto model = metadata_.string(kModel);
    if (!model) fail(ErrorCode::kBadFile, "{}: no {}", metadata_.source(), kModel);
    read_tokens(*model);
    if (*model == "llama") {
      read_sentencepiece();
    } else if (*model == "gpt2") {
      read_bpe(metadata_.string(kPre));
    } else if (*model == "gemma4") {
      read_bpe("gemma4");
    } else if (*model == "bert") {
      read_word_piece();
    } else if (*model == "t5") {
      read_unigram();
    } else {
      fail(ErrorCode::kUnsupported, "{}: {} is {}; Ferrum knows llama, gpt2, bert, t5 and gemma4",
           metadata_.source(), kModel, in_quotes(*model));
    }
    mark_ends();
    add_tokens_found_in_text();
    strip_where_models_do();
    surround_pair();
    return std::move(spec_);
  }

 private:
  bool flag(std::string_view key, bool fallback) const { return metadata_.boolean(key).value_or(fallback); }

  // `fallback` is the id where the file names none.
  std::optional<TokenId> token_id(std::string_view key,
                                  std::optional<TokenId> fallback = std::nullopt) const {
    warn_of_bad_token_id(metadata_, key, spec_.tokens.size());
    if (const auto id = find_token_id(metadata_, key, spec_.tokens.size())) return id;
    return fallback && static_cast<size_t>(*fallback) < spec_.tokens.size() ? fallback : std::nullopt;
  }

  void read_tokens(std::string_view model) {
    const auto spellings = metadata_.strings(kTokens);
    if (!spellings) fail(ErrorCode::kBadFile, "{}: no {}", metadata_.source(), kTokens);
    spec_.tokens.resize(spellings->size());
    for (size_t id = 0; id < spellings->size(); ++id) spec_.tokens[id].spelling = (*spellings)[id];
    warn_of_empty_spellings();
    if (model == "llama" || model == "t5") read_scores(model);
    read_types();
  }

  void warn_of_empty_spellings() const {
    const auto is_empty = [](const TokenizerSpec::Token& token) { return token.spelling.empty(); };
    const auto first = std::find_if(spec_.tokens.begin(), spec_.tokens.end(), is_empty);
    if (first == spec_.tokens.end()) return;
    log::warn("{}: {}[{}] is empty, as are {} others: no text becomes such a token", metadata_.source(),
              kTokens, first - spec_.tokens.begin(), std::count_if(first + 1, spec_.tokens.end(), is_empty));
  }

  // Only models that choose tokens by their scores need them.
  void read_scores(std::string_view model) {
    const auto scores = metadata_.floats(kScores);
    if (!scores)
      fail(ErrorCode::kBadFile, "{}: no {}, which the tokenizer model {} needs", metadata_.source(), kScores,
           in_quotes(model));
    const size_t tokens = spec_.tokens.size();
    if (scores->size() < tokens)
      fail(ErrorCode::kBadFile, "{}: {} has {} elements, but {} has {}", metadata_.source(), kScores,
           scores->size(), kTokens, tokens);
    if (scores->size() > tokens) warn_of_size(kScores, scores->size());
    for (size_t id = 0; id < tokens; ++id) {
      if (std::isnan((*scores)[id]))
        fail(ErrorCode::kBadFile, "{}: {}[{}] is no number", metadata_.source(), kScores, id);
      spec_.tokens[id].score = (*scores)[id];
    }
  }

  // Where the file has no type for a token, its spelling tells bytes from text.
  void read_types() {
    const std::vector<int64_t> types = metadata_.integers(kTypes).value_or(std::vector<int64_t>());
    if (metadata_.has(kTypes) && types.size() != spec_.tokens.size()) warn_of_size(kTypes, types.size());
    for (size_t id = 0; id < spec_.tokens.size(); ++id) {
      TokenizerSpec::Token& token = spec_.tokens[id];
      if (id < types.size())
        token.kind = kind_of(types[id], id, metadata_);
      else if (byte_of_spelling(token.spelling))
        token.kind = TokenKind::kByte;
    }
  }

  void warn_of_size(std::string_view key, size_t size) const {
    log::warn("{}: {} has {} elements, but {} has {}; {}", metadata_.source(), key, size, kTokens,
              spec_.tokens.size(),
              size < spec_.tokens.size() ? "the remaining tokens are classified by their spelling"
                                         : "those after the last token are ignored");
  }

  void read_special(std::optional<TokenId> bos, std::optional<TokenId> eos, std::optional<TokenId> unk,
                    std::optional<TokenId> pad) {
    spec_.special.bos = token_id("tokenizer.ggml.bos_token_id", bos);
    spec_.special.eos = token_id("tokenizer.ggml.eos_token_id", eos);
    spec_.special.unk = token_id("tokenizer.ggml.unknown_token_id", unk);
    spec_.special.pad = token_id("tokenizer.ggml.padding_token_id", pad);
    warn_of_bad_token_id(metadata_, "tokenizer.ggml.mask_token_id", spec_.tokens.size());
    if (metadata_.string(kModel) != "bert")  // whose class token is read as well
      warn_of_bad_token_id(metadata_, "tokenizer.ggml.cls_token_id", spec_.tokens.size());
    read_infill();
  }

  // The first three have older names as well.
  void read_infill() {
    Tokenizer::Special& special = spec_.special;
    special.fim_prefix =
        token_id("tokenizer.ggml.fim_pre_token_id", token_id("tokenizer.ggml.prefix_token_id"));
    special.fim_suffix =
        token_id("tokenizer.ggml.fim_suf_token_id", token_id("tokenizer.ggml.suffix_token_id"));
    special.fim_middle =
        token_id("tokenizer.ggml.fim_mid_token_id", token_id("tokenizer.ggml.middle_token_id"));
    special.fim_pad = token_id("tokenizer.ggml.fim_pad_token_id");
    special.fim_repository = token_id("tokenizer.ggml.fim_rep_token_id");
    special.fim_file = token_id("tokenizer.ggml.fim_sep_token_id");
  }

  // `bos` and `eos`: whether they surround a text where the file has no key for it.
  void surround(bool bos, bool eos) {
    spec_.special.add_bos = flag("tokenizer.ggml.add_bos_token", bos) && spec_.special.bos;
    spec_.special.add_eos = flag("tokenizer.ggml.add_eos_token", eos) && spec_.special.eos;
    if (spec_.special.add_bos) spec_.prefix = {*spec_.special.bos};
    if (spec_.special.add_eos) spec_.suffix = {*spec_.special.eos};
  }

  // BOS first EOS SEP second EOS, of which files have those that they say. WordPiece tells the texts apart.
  void surround_pair() {
    std::vector<TemplatePart>& pair = spec_.special.pair;
    const int second = std::holds_alternative<WordPieceSpec>(spec_.model) ? 1 : 0;
    const auto separator =
        token_id("tokenizer.ggml.seperator_token_id", token_id("tokenizer.ggml.separator_token_id"));
    for (const TokenId token : spec_.prefix) pair.push_back({.token = token});
    pair.push_back({.text = 0});
    for (const TokenId token : spec_.suffix) pair.push_back({.token = token});
    if (separator && flag("tokenizer.ggml.add_sep_token", false)) pair.push_back({.token = *separator});
    pair.push_back({.text = 1, .type = second});
    for (const TokenId token : spec_.suffix) pair.push_back({.token = token, .type = second});
  }

  void decode_marked_spaces(bool drops_first) {
    spec_.decoder = {DecodeReplace{{TextPattern::Kind::kLiteral, "▁"}, " "}, DecodeByteFallback{},
                     DecodeFuse{}};
    if (drops_first) spec_.decoder.emplace_back(DecodeStrip{});
  }

  void read_sentencepiece() {
    read_special(1, 2, 0, std::nullopt);
    surround(true, false);
    spec_.unknown = spec_.special.unk;
    spec_.model = BpeSpec{.by_score = true, .byte_fallback = true, .fuse_unknown = true};
    const bool prefix = flag("tokenizer.ggml.add_space_prefix", true);
    if (prefix) spec_.normalizer.emplace_back(PrependText{" "});
    spec_.normalizer.emplace_back(ReplacePattern{{TextPattern::Kind::kLiteral, " "}, "▁"});
    decode_marked_spaces(prefix);
  }

  void read_unigram() {
    read_special(std::nullopt, 1, 2, 0);
    surround(false, true);
    spec_.unknown = spec_.special.unk;
    spec_.model = UnigramSpec{.byte_fallback = has_byte_tokens()};
    NormalizeSentencePiece normalizer;
    // XLM-RoBERTa's words all begin with a space, which converters do not find in every folder.
    const bool splits_words =
        metadata_.string("general.architecture").value_or("").find("bert") != std::string_view::npos;
    normalizer.add_dummy_prefix = splits_words || flag("tokenizer.ggml.add_space_prefix", false);
    normalizer.remove_extra_whitespaces =
        splits_words || flag("tokenizer.ggml.remove_extra_whitespaces", false);
    if (const auto charsmap = metadata_.integers("tokenizer.ggml.precompiled_charsmap"))
      for (const int64_t byte : *charsmap) normalizer.charsmap += static_cast<char>(byte);
    const bool drops_first = normalizer.add_dummy_prefix || normalizer.remove_extra_whitespaces;
    spec_.normalizer = {std::move(normalizer)};
    decode_marked_spaces(drops_first);
  }

  TokenId spelled(std::string_view spelling, TokenId otherwise) const {
    const auto found = std::ranges::find(spec_.tokens, spelling, &TokenizerSpec::Token::spelling);
    return found == spec_.tokens.end() ? otherwise : static_cast<TokenId>(found - spec_.tokens.begin());
  }

  void read_word_piece() {
    // Where the file does not name them, by their spelling, else as BERT numbers them.
    read_special(token_id("tokenizer.ggml.cls_token_id", spelled("[CLS]", 101)), std::nullopt,
                 spelled("[UNK]", 100), spelled("[PAD]", 0));
    const auto end = token_id("tokenizer.ggml.seperator_token_id",
                              token_id("tokenizer.ggml.separator_token_id", spelled("[SEP]", 102)));
    surround(true, false);
    if (end) spec_.suffix = {*end};
    spec_.unknown = spec_.special.unk;
    spec_.model =
        WordPieceSpec{.word_prefix = "▁", .continuing_prefix = "", .max_word_characters = std::nullopt};
    const bool lowercase = flag("tokenizer.ggml.normalizer.lowercase", true);
    const bool strip = flag("tokenizer.ggml.normalizer.strip_accents", lowercase);
    spec_.normalizer = {NormalizeBert{.strip_accents = strip, .lowercase = lowercase}};
    spec_.pretokenizer = {SplitBert{}};
    decode_marked_spaces(true);
  }

  void read_bpe(std::optional<std::string_view> pre) {
    if (!pre) {
      log::warn("{}: no {}: texts are cut as 'default', which may not be how the model learned them",
                metadata_.source(), kPre);
      pre = "default";
    }
    auto pretokenizer = find_gguf_pretokenizer(*pre);
    if (!pretokenizer)
      fail(ErrorCode::kUnsupported, "{}: {} is {}; Ferrum knows {}", metadata_.source(), kPre,
           in_quotes(*pre), known_gguf_pretokenizers());
    read_special(std::nullopt, std::nullopt, std::nullopt, std::nullopt);
    surround(pretokenizer->add_bos, false);
    const bool marked = pretokenizer->sentencepiece_style;
    if (marked) spec_.unknown = spec_.special.unk;
    spec_.model = BpeSpec{.merges = read_merges(),
                          .ignore_merges = pretokenizer->ignore_merges,
                          .byte_fallback = marked,
                          .fuse_unknown = marked,
                          .untokened = BpeSpec::Untokened::kJoined};
    if (pretokenizer->nfc) spec_.normalizer.emplace_back(NormalizeUnicode{unicode::Form::kNfc});
    if (marked) {
      spec_.normalizer.emplace_back(ReplacePattern{{TextPattern::Kind::kLiteral, " "}, "▁"});
      decode_marked_spaces(false);
      return;
    }
    for (std::string& pattern : pretokenizer->patterns)
      spec_.pretokenizer.emplace_back(SplitPattern{{TextPattern::Kind::kRegex, std::move(pattern)}});
    spec_.pretokenizer.emplace_back(SplitByteLevel{.add_prefix_space = false, .use_regex = false});
    spec_.decoder = {DecodeByteLevel{}};
  }

  std::vector<std::pair<std::string, std::string>> read_merges() const {
    const auto merges = metadata_.strings(kMerges);
    if (!merges) fail(ErrorCode::kBadFile, "{}: no {}", metadata_.source(), kMerges);
    std::vector<std::pair<std::string, std::string>> pairs;
    pairs.reserve(merges->size());
    for (const std::string_view merge : *merges) {
      const size_t space = merge.find(' ', 1);
      if (space == std::string_view::npos)
        fail(ErrorCode::kBadFile, "{}: {}[{}] is {}, expected two tokens with a space between them",
             metadata_.source(), kMerges, pairs.size(), in_quotes(merge));
      pairs.emplace_back(merge.substr(0, space), merge.substr(space + 1));
    }
    return pairs;
  }

  bool has_byte_tokens() const {
    return std::any_of(spec_.tokens.begin(), spec_.tokens.end(),
                       [](const auto& token) { return token.kind == TokenKind::kByte; });
  }

  void mark_ends() {
    const auto control = [&](TokenId id) {
      TokenKind& kind = spec_.tokens[static_cast<size_t>(id)].kind;
      if (kind == TokenKind::kNormal || kind == TokenKind::kUserDefined) kind = TokenKind::kControl;
    };
    if (spec_.special.bos) control(*spec_.special.bos);
    if (spec_.special.eos) control(*spec_.special.eos);
    if (const auto eot = token_id("tokenizer.ggml.eot_token_id")) control(*eot);
    if (const auto eom = token_id("tokenizer.ggml.eom_token_id")) control(*eom);
    for (size_t id = 0; id < spec_.tokens.size(); ++id) {
      const std::string& spelling = spec_.tokens[id].spelling;
      if (is_known_end(spelling) || is_infill_token(spelling))  // converters wrote some as ordinary tokens
        control(static_cast<TokenId>(id));
    }
    if (spec_.unknown) spec_.tokens[static_cast<size_t>(*spec_.unknown)].kind = TokenKind::kUnknown;
  }

  void add_tokens_found_in_text() {
    for (size_t id = 0; id < spec_.tokens.size(); ++id) {
      const TokenKind kind = spec_.tokens[id].kind;
      if (kind == TokenKind::kControl || kind == TokenKind::kUserDefined || kind == TokenKind::kUnknown)
        spec_.added.push_back({.id = static_cast<TokenId>(id)});
    }
  }

  // The format has no key for this; llama.cpp tells it from the model's name.
  void strip_where_models_do() {
    const auto spelled = [&](const AddedToken& token, std::string_view spelling) {
      return spec_.tokens[static_cast<size_t>(token.id)].spelling == spelling;
    };
    std::string name(metadata_.string("general.name").value_or(""));
    std::transform(name.begin(), name.end(), name.begin(),
                   [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
    const std::string_view pre = metadata_.string(kPre).value_or("");
    const std::string_view architecture = metadata_.string("general.architecture").value_or("");
    if (pre == "jina-v2-de" || pre == "jina-v2-es" || pre == "jina-v2-code" ||
        architecture == "nomic-bert-moe" || architecture == "jina-bert-v3") {
      for (AddedToken& token : spec_.added) token.strip_left = spelled(token, "<mask>");
    } else if (name.find("phi-3") != std::string::npos || name.find("phi3") != std::string::npos) {
      for (AddedToken& token : spec_.added)
        token.strip_right =
            !spelled(token, "<unk>") && !spelled(token, "<s>") && !spelled(token, "<|endoftext|>");
    } else if (name.find("modern-bert") != std::string::npos) {
      for (AddedToken& token : spec_.added) token.strip_left = spelled(token, "[MASK]");
    }
  }

  const GgufMetadata& metadata_;
  TokenizerSpec spec_;
};

}  // namespace

std::optional<TokenId> find_token_id(const GgufMetadata& metadata, std::string_view key, size_t vocab) {
  const GgufValue* value = metadata.find(key);
  if (value == nullptr) return std::nullopt;
  if (const auto* number = std::get_if<int64_t>(value); number != nullptr && *number < 0) return std::nullopt;
  const uint64_t id = *metadata.unsigned_integer(key);
  return id < vocab ? std::optional(static_cast<TokenId>(id)) : std::nullopt;
}

void warn_of_bad_token_id(const GgufMetadata& metadata, std::string_view key, size_t vocab) {
  const GgufValue* value = metadata.find(key);
  if (value == nullptr || find_token_id(metadata, key, vocab)) return;
  const auto* number = std::get_if<int64_t>(value);
  log::warn("{}: {} is {}, which names none of the {} tokens; it is ignored", metadata.source(), key,
            number != nullptr ? std::to_string(*number) : std::to_string(*metadata.unsigned_integer(key)),
            vocab);
}

bool has_gguf_tokenizer(const GgufMetadata& metadata) {
  const auto model = metadata.string(kModel);
  return model && *model != "no_vocab" && *model != "none";
}

TokenizerSpec read_gguf_tokenizer(const GgufMetadata& metadata) { return Reader(metadata).read(); }

std::unique_ptr<const Tokenizer> load_gguf_tokenizer(const GgufMetadata& metadata) {
  return has_gguf_tokenizer(metadata) ? Tokenizer::make(read_gguf_tokenizer(metadata)) : nullptr;
}

}  // namespace ferrum
