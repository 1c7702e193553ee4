#include "checkpoint/tokenizer_json.h"

#include <algorithm>
#include <limits>
#include <unordered_map>
#include <unordered_set>

#include "base/error.h"
#include "checkpoint/added_token_entry.h"
#include "checkpoint/json_view.h"
#include "checkpoint/tokenizer_json_steps.h"
#include "checkpoint/tokenizer_json_text.h"
#include "text/vocabulary.h"

namespace ferrum {
namespace {

constexpr int64_t kMostId = std::numeric_limits<TokenId>::max();

// Puts entries where their ids say, and complains of ids that leave holes.
std::vector<TokenizerSpec::Token> in_order_of_ids(std::vector<TokenizerJson::Entry> entries,
                                                  const std::string& source) {
  constexpr std::string_view kField = "model.vocab with added_tokens";
  std::vector<TokenizerSpec::Token> tokens(entries.size());
  std::vector<bool> taken(entries.size());
  for (TokenizerJson::Entry& entry : entries) {
    const auto id = static_cast<size_t>(entry.id);
    if (id >= tokens.size())
      fail(ErrorCode::kBadFile,
           "{}: {} gives {} the id {}, but has {} tokens: ids must be 0 to {} without a hole", source, kField,
           in_quotes(entry.spelling), entry.id, tokens.size(), tokens.size() - 1);
    if (taken[id])
      fail(ErrorCode::kBadFile, "{}: {} gives the id {} to both {} and {}", source, kField, id,
           in_quotes(tokens[id].spelling), in_quotes(entry.spelling));
    taken[id] = true;
    tokens[id] = {.spelling = std::move(entry.spelling), .score = entry.score};
  }
  return tokens;
}

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
      return bpe;
    }
    case ModelKind::kUnigram:
      return UnigramSpec{model.boolean_or("byte_fallback", false)};
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

std::vector<AddedTokenEntry> read_added_tokens(const JsonView& root) {
  std::vector<AddedTokenEntry> entries;
  const auto list = root.find("added_tokens");
  for (size_t i = 0; list && i < list->size(); ++i) {
    const JsonView json = list->element(i);
    entries.push_back(read_added_token(json));
    entries.back().id = json.at("id").integer(0, kMostId);
  }
  return entries;
}

// The vocabulary with those added tokens that it lacks.
std::vector<TokenizerSpec::Token> read_tokens(TokenizerJson& json, const std::vector<AddedTokenEntry>& added,
                                              const std::string& source) {
  std::unordered_map<std::string_view, int64_t> missing;
  for (size_t i = 0; i < added.size(); ++i)
    if (!missing.emplace(added[i].content, added[i].id).second)
      fail(ErrorCode::kBadFile, "{}: added_tokens[{}] has {} a second time", source, i,
           in_quotes(added[i].content));
  for (const TokenizerJson::Entry& entry : json.vocab) {
    const auto it = missing.find(entry.spelling);
    if (it == missing.end()) continue;
    if (it->second != entry.id)
      fail(ErrorCode::kBadFile, "{}: {} has the id {} in added_tokens and {} in model.vocab", source,
           in_quotes(entry.spelling), it->second, entry.id);
    missing.erase(it);
  }
  for (const AddedTokenEntry& entry : added)
    if (missing.contains(entry.content)) json.vocab.push_back({entry.content, entry.id});
  return in_order_of_ids(std::move(json.vocab), source);
}

void read_unknown(const JsonView& model, ModelKind kind, TokenizerSpec& spec) {
  if (kind == ModelKind::kUnigram) {
    if (const auto id = model.find("unk_id"))
      spec.unknown = static_cast<TokenId>(id->integer(0, static_cast<int64_t>(spec.tokens.size()) - 1));
  } else if (const auto name = model.find("unk_token")) {
    spec.unknown = find_token(spec, name->string());
    if (!spec.unknown && !name->string().empty())
      name->refuse("is " + in_quotes(name->string()) + ", which is no token");
  }
  if (!spec.unknown) return;
  spec.special.unk = spec.unknown;
  spec.tokens[static_cast<size_t>(*spec.unknown)].kind = TokenKind::kUnknown;
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
  const std::vector<AddedTokenEntry> added = read_added_tokens(root);

  TokenizerSpec spec;
  spec.source = source;
  spec.tokens_field = "model.vocab";
  spec.merges_field = "model.merges";
  spec.tokens = read_tokens(json, added, source);
  spec.model = read_model(json, model, kind, spec);
  read_unknown(model, kind, spec);
  for (const AddedTokenEntry& entry : added) declare_added(spec, entry, static_cast<TokenId>(entry.id));
  mark_byte_tokens(spec);
  if (const auto normalizer = root.find("normalizer")) spec.normalizer = read_normalizer(*normalizer);
  if (const auto pretokenizer = root.find("pre_tokenizer"))
    spec.pretokenizer = read_pretokenizer(*pretokenizer);
  if (const auto decoder = root.find("decoder")) spec.decoder = read_decoder(*decoder);
  if (const auto processor = root.find("post_processor")) read_post_processor(*processor, spec);
  return spec;
}

}  // namespace ferrum
