#include "checkpoint/tokenizer/tokenizer_json.h"

#include <algorithm>
#include <limits>
#include <unordered_set>

#include "base/error.h"
#include "checkpoint/json_view.h"
#include "checkpoint/tokenizer/added_token_entry.h"
#include "checkpoint/tokenizer/token_places.h"
#include "checkpoint/tokenizer/tokenizer_json_steps.h"
#include "checkpoint/tokenizer/tokenizer_json_text.h"
#include "text/vocabulary.h"

namespace ferrum {
namespace {

constexpr int64_t kMostId = std::numeric_limits<TokenId>::max();

enum class ModelKind { kBpe, kUnigram, kWordPiece, kWordLevel };

// Old files leave the type out.
ModelKind kind_of(const TokenizerJson& json, const JsonView& model) {
  const std::string type = model.string_or("type", "");
  if (type == "BPE" || (type.empty() && json.has_merges)) return ModelKind::kBpe;
  if (type == "Unigram" || (type.empty() && json.vocab_has_scores)) return ModelKind::kUnigram;
  if (type == "WordPiece" || (type.empty() && model.find("max_input_chars_per_word")))
    return ModelKind::kWordPiece;
  if (type == "WordLevel" || type.empty()) return ModelKind::kWordLevel;
  fail(ErrorCode::kUnsupported, "{}: model.type is {}, expected BPE, Unigram, WordPiece or WordLevel",
       model.source(), in_quotes(type));
}

// "a b" with a space between two tokens. Where tokens have spaces themselves, the cut is where all three are
// tokens.
class MergeCutter {
 public:
  explicit MergeCutter(const std::vector<TokenizerSpec::Token>& tokens) : tokens_(tokens) {}

  std::optional<std::pair<std::string, std::string>> cut(const std::string& text) {
    const size_t first = text.find(' ');
    if (first == std::string::npos) return std::nullopt;
    if (text.find(' ', first + 1) == std::string::npos)
      return std::pair(text.substr(0, first), text.substr(first + 1));
    for (size_t space = first; space != std::string::npos; space = text.find(' ', space + 1)) {
      std::pair parts(text.substr(0, space), text.substr(space + 1));
      if (is_token(parts.first) && is_token(parts.second) && is_token(parts.first + parts.second))
        return parts;
    }
    return std::nullopt;
  }

 private:
  bool is_token(const std::string& spelling) {
    if (spellings_.empty())
      for (const TokenizerSpec::Token& token : tokens_) spellings_.insert(token.spelling);
    return spellings_.contains(spelling);
  }

  const std::vector<TokenizerSpec::Token>& tokens_;
  std::unordered_set<std::string_view> spellings_;  // filled when first asked
};

std::vector<std::pair<std::string, std::string>> read_merges(std::vector<TokenizerJson::Merge> merges,
                                                             const TokenizerSpec& spec) {
  MergeCutter cutter(spec.tokens);
  std::vector<std::pair<std::string, std::string>> pairs;
  pairs.reserve(merges.size());
  for (TokenizerJson::Merge& merge : merges) {
    if (!merge.is_one_string) {
      pairs.emplace_back(std::move(merge.left), std::move(merge.right));
      continue;
    }
    if (merge.left.starts_with("#version")) continue;
    auto parts = cutter.cut(merge.left);
    if (!parts)
      fail(ErrorCode::kBadFile, "{}: model.merges[{}] is {}, expected two tokens with a space between them",
           spec.source, pairs.size(), in_quotes(merge.left));
    pairs.push_back(std::move(*parts));
  }
  return pairs;
}

ModelSpec read_model(TokenizerJson& json, const JsonView& model, ModelKind kind, const TokenizerSpec& spec) {
  switch (kind) {
    case ModelKind::kBpe: {
      if (!json.has_merges) fail(ErrorCode::kBadFile, "{}: model has no 'merges'", spec.source);
      BpeSpec bpe;
      bpe.merges = read_merges(std::move(json.merges), spec);
      bpe.ignore_merges = model.boolean_or("ignore_merges", false);
      bpe.byte_fallback = model.boolean_or("byte_fallback", false);
      bpe.fuse_unknown = model.boolean_or("fuse_unk", false);
      bpe.continuing_prefix = model.string_or("continuing_subword_prefix", "");
      bpe.word_suffix = model.string_or("end_of_word_suffix", "");
      if (model.find_number("dropout").value_or(0) != 0)
        model.at("dropout").warn("is for training and is left out: a text always becomes the same tokens");
      return bpe;
    }
    case ModelKind::kUnigram:
      return UnigramSpec{.byte_fallback = model.boolean_or("byte_fallback", false), .own_scores = true};
    case ModelKind::kWordPiece: {
      WordPieceSpec word_piece;
      word_piece.continuing_prefix = model.string_or("continuing_subword_prefix", "##");
      if (const auto most = model.find("max_input_chars_per_word"))
        word_piece.max_word_characters = static_cast<size_t>(most->integer(0, kMostId));
      return word_piece;
    }
    case ModelKind::kWordLevel:
      return WordLevelSpec{};
  }
  return WordLevelSpec{};
}

std::vector<TokenPlaces::Addition> read_added_tokens(const JsonView& root) {
  std::vector<TokenPlaces::Addition> additions;
  const auto list = root.find("added_tokens");
  for (size_t i = 0; list && i < list->size(); ++i) {
    const JsonView json = list->element(i);
    additions.push_back({read_added_token(json), json.field()});
    additions.back().entry.id = json.at("id").integer(0, kMostId);
  }
  return additions;
}

// An unknown token that is no special one is text like any other where a model's vocabulary spells it.
void read_unknown(const JsonView& model, ModelKind kind, TokenizerSpec& spec) {
  if (kind == ModelKind::kUnigram) {
    if (const auto id = model.find("unk_id")) {
      const int64_t unknown = id->integer(std::numeric_limits<int64_t>::min(), kMostId);
      if (unknown >= 0 && unknown < static_cast<int64_t>(spec.tokens.size()))
        spec.unknown = static_cast<TokenId>(unknown);
      else
        id->warn(fmt::format("is {}, which no token has: what has no token is left out", unknown));
    }
  } else {
    const auto name = model.find("unk_token");
    const std::string fallback = kind == ModelKind::kWordPiece   ? "[UNK]"
                                 : kind == ModelKind::kWordLevel ? "<unk>"
                                                                 : "";
    const std::string spelling = name ? name->string() : fallback;
    spec.unknown = TokenPlaces(spec).find(spelling);
    if (!spec.unknown && name && !spelling.empty())
      name->warn("is " + in_quotes(spelling) + ", which is no token: what has no token is left out");
  }
  if (!spec.unknown) return;
  spec.special.unk = spec.unknown;
  TokenKind& kind_of_token = spec.tokens[static_cast<size_t>(*spec.unknown)].kind;
  if (kind_of_token == TokenKind::kControl) kind_of_token = TokenKind::kUnknown;
}

void mark_byte_tokens(TokenizerSpec& spec) {
  const auto* bpe = std::get_if<BpeSpec>(&spec.model);
  const auto* unigram = std::get_if<UnigramSpec>(&spec.model);
  if (!(bpe && bpe->byte_fallback) && !(unigram && unigram->byte_fallback)) return;
  for (TokenizerSpec::Token& token : spec.tokens)
    if (token.kind == TokenKind::kNormal && byte_of_spelling(token.spelling)) token.kind = TokenKind::kByte;
}

}  // namespace

TokenizerSpec read_tokenizer_json(std::string_view text, const std::string& source) {
  TokenizerJson json = parse_tokenizer_json(text, source);
  const JsonView root(json.rest, source);
  const JsonView model = root.at("model");
  if (!json.has_vocab) model.refuse("has no 'vocab'");
  const ModelKind kind = kind_of(json, model);
  if ((kind == ModelKind::kUnigram) != json.vocab_has_scores)
    fail(ErrorCode::kBadFile, "{}: model.vocab must be {} for this type of model", source,
         kind == ModelKind::kUnigram ? "an array of tokens and scores" : "an object of tokens and ids");

  TokenizerSpec spec;
  spec.source = source;
  spec.tokens_field = "model.vocab";
  spec.merges_field = "model.merges";
  // Keys of an object replace earlier ones; the elements of an array keep their ids.
  TokenPlaces::fill(
      spec, std::move(json.vocab),
      json.vocab_has_scores ? TokenPlaces::Replaced::kStillDecoded : TokenPlaces::Replaced::kDropped,
      spec.tokens_field);
  spec.model = read_model(json, model, kind, spec);
  TokenPlaces(spec).add(read_added_tokens(root), source);
  read_unknown(model, kind, spec);
  mark_byte_tokens(spec);
  if (const auto normalizer = root.find("normalizer")) spec.normalizer = read_normalizer(*normalizer);
  if (const auto pretokenizer = root.find("pre_tokenizer"))
    spec.pretokenizer = read_pretokenizer(*pretokenizer);
  if (const auto decoder = root.find("decoder"))
    spec.decoder = read_decoder(*decoder);
  else
    spec.decoder = {DecodeSpaced{}};
  if (const auto processor = root.find("post_processor")) read_post_processor(*processor, spec);
  return spec;
}

}  // namespace ferrum
