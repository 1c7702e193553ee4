#include "checkpoint/hf_tokenizer.h"

#include <algorithm>
#include <array>
#include <limits>
#include <unordered_map>

#include "base/error.h"
#include "base/mapped_file.h"
#include "checkpoint/json_view.h"
#include "checkpoint/tokenizer_json_steps.h"
#include "text/vocabulary.h"

namespace ferrum {
namespace {

constexpr int64_t kMostId = std::numeric_limits<TokenId>::max();

// Collects tokens by id and complains of ids that leave holes.
class TokenCollector {
 public:
  TokenCollector(const std::string& source, std::string field) : source_(source), field_(std::move(field)) {}

  void add(std::string spelling, int64_t id, double score = 0) {
    entries_.push_back({std::move(spelling), id, score});
  }

  std::vector<TokenizerSpec::Token> tokens() && {
    std::vector<TokenizerSpec::Token> tokens(entries_.size());
    std::vector<bool> taken(entries_.size());
    for (Entry& entry : entries_) {
      const auto id = static_cast<size_t>(entry.id);
      if (id >= tokens.size())
        fail(ErrorCode::kBadFile,
             "{}: {} gives {} the id {}, but has {} tokens: ids must be 0 to {} without a hole", source_,
             field_, in_quotes(entry.spelling), entry.id, tokens.size(), tokens.size() - 1);
      if (taken[id])
        fail(ErrorCode::kBadFile, "{}: {} gives the id {} to both {} and {}", source_, field_, id,
             in_quotes(tokens[id].spelling), in_quotes(entry.spelling));
      taken[id] = true;
      tokens[id].spelling = std::move(entry.spelling);
      tokens[id].score = entry.score;
    }
    return tokens;
  }

 private:
  struct Entry {
    std::string spelling;
    int64_t id;
    double score;
  };
  const std::string& source_;
  std::string field_;
  std::vector<Entry> entries_;
};

enum class ModelKind { kBpe, kUnigram, kWordPiece, kWordLevel };

// Old files leave the type out.
ModelKind kind_of(const JsonView& model) {
  const std::string type = model.string_or("type", "");
  if (type == "BPE" || (type.empty() && model.find("merges"))) return ModelKind::kBpe;
  if (type == "Unigram" || (type.empty() && model.at("vocab").is_array())) return ModelKind::kUnigram;
  if (type == "WordPiece" || (type.empty() && model.find("max_input_chars_per_word")))
    return ModelKind::kWordPiece;
  if (type == "WordLevel" || type.empty()) return ModelKind::kWordLevel;
  fail(ErrorCode::kUnsupported, "{}: model.type is {}, expected BPE, Unigram, WordPiece or WordLevel",
       model.source(), in_quotes(type));
}

void read_vocab_object(const JsonView& vocab, TokenCollector& collector) {
  if (!vocab.is_object()) vocab.refuse("is no object of tokens and ids");
  for (const auto& [spelling, id] : vocab.value().items()) {
    if (id.is_number_unsigned() && id.get<uint64_t>() <= uint64_t{kMostId})
      collector.add(spelling, id.get<int64_t>());
    else
      JsonView(id, vocab.source(), vocab.field() + "[" + in_quotes(spelling) + "]").integer(0, kMostId);
  }
}

void read_vocab_array(const JsonView& vocab, TokenCollector& collector) {
  for (size_t i = 0; i < vocab.size(); ++i) {
    const JsonView entry = vocab.element(i);
    collector.add(entry.element(0).string(), static_cast<int64_t>(i), entry.element(1).number());
  }
}

// Two tokens with a space between them. Where tokens have spaces themselves, the cut is where all three are
// tokens.
std::optional<std::pair<std::string, std::string>> cut_merge(const std::string& text, const Json& vocab) {
  const size_t first = text.find(' ');
  if (first == std::string::npos) return std::nullopt;
  if (text.find(' ', first + 1) == std::string::npos)
    return std::pair(text.substr(0, first), text.substr(first + 1));
  for (size_t space = first; space != std::string::npos; space = text.find(' ', space + 1)) {
    std::pair cut(text.substr(0, space), text.substr(space + 1));
    if (vocab.contains(cut.first) && vocab.contains(cut.second) && vocab.contains(cut.first + cut.second))
      return cut;
  }
  return std::nullopt;
}

std::vector<std::pair<std::string, std::string>> read_merges(const JsonView& merges, const JsonView& vocab) {
  std::vector<std::pair<std::string, std::string>> pairs;
  pairs.reserve(merges.size());
  for (const Json& merge : merges.value()) {
    const auto view = [&] {
      return JsonView(merge, merges.source(), fmt::format("model.merges[{}]", pairs.size()));
    };
    if (merge.is_string()) {
      const auto& text = merge.get_ref<const std::string&>();
      if (text.starts_with("#version")) continue;
      auto cut = cut_merge(text, vocab.value());
      if (!cut) view().refuse("is " + in_quotes(text) + ", expected two tokens with a space between them");
      pairs.push_back(std::move(*cut));
    } else {
      pairs.emplace_back(view().element(0).string(), view().element(1).string());
      if (merge.size() != 2) view().refuse("is not two tokens");
    }
  }
  return pairs;
}

ModelSpec read_model(const JsonView& model, ModelKind kind) {
  switch (kind) {
    case ModelKind::kBpe: {
      BpeSpec bpe;
      bpe.merges = read_merges(model.at("merges"), model.at("vocab"));
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

std::optional<TokenId> find_token(const TokenizerSpec& spec, std::string_view spelling) {
  const auto it = std::find_if(spec.tokens.begin(), spec.tokens.end(),
                               [&](const TokenizerSpec::Token& token) { return token.spelling == spelling; });
  if (it == spec.tokens.end()) return std::nullopt;
  return static_cast<TokenId>(it - spec.tokens.begin());
}

struct AddedEntry {
  std::string content;
  int64_t id = 0;
  bool special = false;
  bool normalized = false;
  AddedToken token;
};

AddedEntry read_added_token(const JsonView& json) {
  AddedEntry entry;
  entry.content = json.at("content").string();
  entry.special = json.boolean_or("special", false);
  entry.normalized = json.boolean_or("normalized", !entry.special);
  entry.token.strip_left = json.boolean_or("lstrip", false);
  entry.token.strip_right = json.boolean_or("rstrip", false);
  entry.token.single_word = json.boolean_or("single_word", false);
  return entry;
}

// Control tokens are always looked for in the raw text: normalisation would hide some of them from a template
// that wrote them, such as <s> behind another token.
void declare_added(TokenizerSpec& spec, const AddedEntry& entry, TokenId id) {
  AddedToken token = entry.token;
  token.id = id;
  token.match =
      entry.normalized && !entry.special ? AddedToken::Match::kNormalizedText : AddedToken::Match::kRawText;
  TokenKind& kind = spec.tokens[static_cast<size_t>(id)].kind;
  if (kind != TokenKind::kUnknown) kind = entry.special ? TokenKind::kControl : TokenKind::kUserDefined;
  std::erase_if(spec.added, [&](const AddedToken& known) { return known.id == id; });
  spec.added.push_back(token);
}

std::vector<AddedEntry> read_added_tokens(const JsonView& root) {
  std::vector<AddedEntry> entries;
  const auto list = root.find("added_tokens");
  for (size_t i = 0; list && i < list->size(); ++i) {
    const JsonView json = list->element(i);
    entries.push_back(read_added_token(json));
    entries.back().id = json.at("id").integer(0, kMostId);
  }
  return entries;
}

// The vocabulary with those added tokens that it lacks.
std::vector<TokenizerSpec::Token> read_tokens(const JsonView& model, ModelKind kind,
                                              const std::vector<AddedEntry>& added,
                                              const std::string& source) {
  TokenCollector collector(source, "model.vocab with added_tokens");
  const JsonView vocab = model.at("vocab");
  std::unordered_map<std::string_view, int64_t> wanted;
  for (size_t i = 0; i < added.size(); ++i)
    if (!wanted.emplace(added[i].content, added[i].id).second)
      fail(ErrorCode::kBadFile, "{}: added_tokens[{}] has {} a second time", source, i,
           in_quotes(added[i].content));
  const auto check_known = [&](const std::string& spelling, int64_t id) {
    const auto it = wanted.find(spelling);
    if (it == wanted.end()) return;
    if (it->second != id)
      fail(ErrorCode::kBadFile, "{}: {} has the id {} in added_tokens and {} in model.vocab", source,
           in_quotes(spelling), it->second, id);
    wanted.erase(it);
  };
  if (kind == ModelKind::kUnigram) {
    read_vocab_array(vocab, collector);
    for (size_t i = 0; i < vocab.size(); ++i)
      check_known(vocab.element(i).element(0).string(), static_cast<int64_t>(i));
  } else {
    read_vocab_object(vocab, collector);
    for (const AddedEntry& entry : added)
      if (const auto it = vocab.value().find(entry.content); it != vocab.value().end())
        check_known(entry.content, it->get<int64_t>());
  }
  for (const AddedEntry& entry : added)
    if (wanted.contains(entry.content)) collector.add(entry.content, entry.id);
  return std::move(collector).tokens();
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

// A special token is named by its spelling or by an object with its content.
std::optional<std::string> token_name(const JsonView& json, std::string_view key) {
  const auto value = json.find(key);
  if (!value) return std::nullopt;
  return value->is_object() ? value->at("content").string() : value->string();
}

struct NamedSpecial {
  std::string_view key;
  std::optional<TokenId> Tokenizer::Special::*id;
};
constexpr std::array<NamedSpecial, 4> kNamedSpecials{{{"bos_token", &Tokenizer::Special::bos},
                                                      {"eos_token", &Tokenizer::Special::eos},
                                                      {"unk_token", &Tokenizer::Special::unk},
                                                      {"pad_token", &Tokenizer::Special::pad}}};

void apply_named_specials(const JsonView& json, TokenizerSpec& spec) {
  for (const NamedSpecial& named : kNamedSpecials) {
    const auto name = token_name(json, named.key);
    if (!name) continue;
    const auto id = find_token(spec, *name);
    if (!id) continue;  // some name a token that their vocabulary never had
    spec.special.*named.id = id;
    if (spec.tokens[static_cast<size_t>(*id)].kind == TokenKind::kNormal)
      declare_added(spec, {.content = *name, .special = true}, *id);
  }
}

void note_what_a_text_gets(TokenizerSpec& spec) {
  spec.special.add_bos = spec.special.bos && !spec.prefix.empty() && spec.prefix.front() == *spec.special.bos;
  spec.special.add_eos = spec.special.eos && !spec.suffix.empty() && spec.suffix.back() == *spec.special.eos;
}

// add_bos_token and add_eos_token overrule the post-processor.
void apply_wanted_ends(const JsonView& config, TokenizerSpec& spec) {
  const auto overrule = [&](std::string_view key, const std::optional<TokenId>& token,
                            std::vector<TokenId>& ids) {
    const auto wanted = config.find(key);
    if (!wanted || !token) return;
    std::erase(ids, *token);
    if (wanted->boolean()) ids.insert(&ids == &spec.prefix ? ids.begin() : ids.end(), *token);
  };
  overrule("add_bos_token", spec.special.bos, spec.prefix);
  overrule("add_eos_token", spec.special.eos, spec.suffix);
  note_what_a_text_gets(spec);
}

}  // namespace

TokenizerSpec read_tokenizer_json(std::string_view text, const std::string& source) {
  const Json json = parse_json(text, source);
  const JsonView root(json, source);
  const JsonView model = root.at("model");
  const ModelKind kind = kind_of(model);
  const std::vector<AddedEntry> added = read_added_tokens(root);

  TokenizerSpec spec;
  spec.source = source;
  spec.tokens_field = "model.vocab";
  spec.merges_field = "model.merges";
  spec.tokens = read_tokens(model, kind, added, source);
  spec.model = read_model(model, kind);
  read_unknown(model, kind, spec);
  for (const AddedEntry& entry : added) declare_added(spec, entry, static_cast<TokenId>(entry.id));
  mark_byte_tokens(spec);
  if (const auto normalizer = root.find("normalizer")) spec.normalizer = read_normalizer(*normalizer);
  if (const auto pretokenizer = root.find("pre_tokenizer"))
    spec.pretokenizer = read_pretokenizer(*pretokenizer);
  if (const auto decoder = root.find("decoder")) spec.decoder = read_decoder(*decoder);
  if (const auto processor = root.find("post_processor")) read_post_processor(*processor, spec);
  return spec;
}

void apply_tokenizer_config(std::string_view text, const std::string& source, TokenizerSpec& spec) {
  const Json json = parse_json(text, source);
  const JsonView config(json, source);
  if (const auto added = config.find("added_tokens_decoder")) {
    if (!added->is_object()) added->refuse("is no object of ids and tokens");
    std::vector<AddedEntry> entries;
    for (const auto& [id, token] : added->value().items()) {
      const JsonView view(token, source, "added_tokens_decoder." + id);
      entries.push_back(read_added_token(view));
      const bool is_number = !id.empty() && id.size() < 10 &&
                             std::all_of(id.begin(), id.end(), [](char c) { return c >= '0' && c <= '9'; });
      if (!is_number) view.refuse("is named by no id");
      entries.back().id = std::stoi(id);
    }
    std::sort(entries.begin(), entries.end(), [](const auto& a, const auto& b) { return a.id < b.id; });
    for (const AddedEntry& entry : entries) {
      const auto id = static_cast<size_t>(entry.id);
      if (id < spec.tokens.size() && spec.tokens[id].spelling != entry.content)
        fail(ErrorCode::kBadFile, "{}: added_tokens_decoder.{} is {}, but the vocabulary has {} there",
             source, id, in_quotes(entry.content), in_quotes(spec.tokens[id].spelling));
      if (id > spec.tokens.size())
        fail(ErrorCode::kBadFile, "{}: added_tokens_decoder.{} leaves a hole after the {} tokens there are",
             source, id, spec.tokens.size());
      if (id == spec.tokens.size()) spec.tokens.push_back({.spelling = entry.content});
      declare_added(spec, entry, static_cast<TokenId>(id));
    }
  }
  apply_named_specials(config, spec);
  apply_wanted_ends(config, spec);
}

void apply_special_tokens_map(std::string_view text, const std::string& source, TokenizerSpec& spec) {
  const Json json = parse_json(text, source);
  apply_named_specials(JsonView(json, source), spec);
  note_what_a_text_gets(spec);
}

std::optional<TokenizerSpec> read_hf_tokenizer(const std::filesystem::path& folder) {
  const auto path = folder / "tokenizer.json";
  if (!std::filesystem::exists(path)) return std::nullopt;
  TokenizerSpec spec = read_tokenizer_json(MappedFile::open(path)->text(), path.string());
  const auto apply = [&](std::string_view name, auto read) {
    const auto beside = folder / name;
    if (std::filesystem::exists(beside)) read(MappedFile::open(beside)->text(), beside.string(), spec);
  };
  apply("special_tokens_map.json", apply_special_tokens_map);
  apply("tokenizer_config.json", apply_tokenizer_config);
  return spec;
}

std::unique_ptr<const Tokenizer> load_hf_tokenizer(const std::filesystem::path& folder) {
  std::optional<TokenizerSpec> spec = read_hf_tokenizer(folder);
  return spec ? Tokenizer::make(std::move(*spec)) : nullptr;
}

}  // namespace ferrum
