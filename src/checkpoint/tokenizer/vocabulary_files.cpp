#include "checkpoint/tokenizer/vocabulary_files.h"

#include <algorithm>
#include <array>
#include <string>
#include <utility>
#include <vector>

#include "base/error.h"
#include "base/log.h"
#include "base/mapped_file.h"
#include "checkpoint/json_view.h"
#include "checkpoint/tokenizer/token_places.h"
#include "checkpoint/tokenizer/tokenizer_json_text.h"

namespace ferrum {
namespace {

namespace fs = std::filesystem;

// How a class of tokenizers cuts text before byte-level BPE.
enum class Cutting { kGpt2, kGpt2AfterNfc, kDigits, kQwen2, kQwen35, kClip };

struct TokenizerClass {
  std::string_view name;  // as transformers has it, without "Tokenizer"
  Cutting cutting;
  std::string_view bos, eos, unknown, padding;    // where tokenizer_config.json names none
  std::array<std::string_view, 2> before, after;  // what a text gets; "bos" and the like stand for those
};

constexpr std::string_view kEndOfText = "<|endoftext|>";

constexpr std::array kClasses = {
    TokenizerClass{"GPT2", Cutting::kGpt2, kEndOfText, kEndOfText, kEndOfText, "", {}, {}},
    TokenizerClass{"CodeGen", Cutting::kGpt2, kEndOfText, kEndOfText, kEndOfText, "", {}, {}},
    TokenizerClass{"Qwen2", Cutting::kQwen2, "", kEndOfText, kEndOfText, kEndOfText, {}, {}},
    TokenizerClass{"Qwen3_5", Cutting::kQwen35, "", kEndOfText, kEndOfText, kEndOfText, {}, {}},
    TokenizerClass{
        "GPTNeoX", Cutting::kGpt2AfterNfc, kEndOfText, kEndOfText, kEndOfText, "<|padding|>", {}, {}},
    TokenizerClass{
        "Cohere", Cutting::kDigits, "<BOS_TOKEN>", "<|END_OF_TURN_TOKEN|>", "<UNK>", "<PAD>", {}, {}},
    TokenizerClass{"Whisper",
                   Cutting::kGpt2,
                   kEndOfText,
                   kEndOfText,
                   kEndOfText,
                   "",
                   {"<|startoftranscript|>", "<|notimestamps|>"},
                   {"eos_token"}},
    TokenizerClass{"CLIP",
                   Cutting::kClip,
                   "<|startoftext|>",
                   kEndOfText,
                   kEndOfText,
                   kEndOfText,
                   {"bos_token"},
                   {"eos_token"}},
    TokenizerClass{"Roberta", Cutting::kGpt2, "<s>", "</s>", "<unk>", "<pad>", {"cls_token"}, {"sep_token"}},
    TokenizerClass{
        "Deberta", Cutting::kGpt2, "[CLS]", "[SEP]", "[UNK]", "[PAD]", {"cls_token"}, {"sep_token"}},
};

// Classes that are another one by another name.
constexpr std::array<std::pair<std::string_view, std::string_view>, 6> kSameClasses{
    {{"Bart", "Roberta"},
     {"LED", "Roberta"},
     {"Longformer", "Roberta"},
     {"Mvp", "Roberta"},
     {"Qwen3", "Qwen2"},
     {"Qwen", "Qwen2"}}};

// Model types whose files may name no class.
constexpr std::array<std::pair<std::string_view, std::string_view>, 10> kModelTypes{
    {{"qwen3_5", "Qwen3_5"},
     {"qwen", "Qwen2"},
     {"gpt_neox", "GPTNeoX"},
     {"cohere", "Cohere"},
     {"whisper", "Whisper"},
     {"clip", "CLIP"},
     {"roberta", "Roberta"},
     {"bart", "Roberta"},
     {"longformer", "Roberta"},
     {"deberta", "Deberta"}}};

const TokenizerClass* find_class(std::string_view name) {
  for (const auto& [other, same] : kSameClasses)
    if (name == other) name = same;
  const auto* const it = std::find_if(kClasses.begin(), kClasses.end(),
                                      [&](const TokenizerClass& known) { return known.name == name; });
  return it == kClasses.end() ? nullptr : it;
}

// A JSON file of the folder; an empty object where there is none.
class Settings {
 public:
  explicit Settings(const fs::path& file)
      : source_(file.string()),
        json_(fs::exists(file) ? parse_json(MappedFile::open(file)->text(), source_, kPythonJson)
                               : Json::object()) {}

  JsonView view() const { return {json_, source_}; }
  const std::string& source() const { return source_; }

  std::string string(std::string_view key) const {
    const auto value = view().find(key);
    return value && value->is_string() ? value->string() : "";
  }
  // A token may be an object with its content.
  std::string token(std::string_view key, std::string_view fallback) const {
    const auto value = view().find(key);
    if (value && value->is_object() && value->contains("content"))
      return value->string_or("content", fallback);
    return value && value->is_string() ? value->string() : std::string(fallback);
  }
  bool flag(std::string_view key, bool fallback) const {
    const auto value = view().find(key);
    return value && value->value().is_boolean() ? value->boolean() : fallback;
  }

 private:
  std::string source_;
  Json json_;
};

const TokenizerClass& class_of(const Settings& config, const fs::path& folder) {
  std::string name = config.string("tokenizer_class");
  if (name.ends_with("Fast")) name.resize(name.size() - 4);
  if (name.ends_with("Tokenizer")) name.resize(name.size() - 9);
  if (const TokenizerClass* known = find_class(name)) return *known;
  if (name.empty() || name == "PreTrained" || name == "TokenizersBackend") {
    const std::string type = Settings(folder / "config.json").string("model_type");
    for (const auto& [begin, of_type] : kModelTypes)
      if (type.starts_with(begin)) return *find_class(of_type);
    return kClasses[0];
  }
  log::warn("{}: tokenizer_class is {}, which Ferrum does not know: text is cut as GPT-2 cuts it",
            config.source(), in_quotes(name + "Tokenizer"));
  return kClasses[0];
}

constexpr std::string_view kQwen2Pattern =
    R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)";
constexpr std::string_view kQwen35Pattern =
    R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?[\p{L}\p{M}]+|\p{N}| ?[^\s\p{L}\p{M}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)";
constexpr std::string_view kClipPattern =
    R"(<\|startoftext\|>|<\|endoftext\|>|'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+)";

TextPattern regex(std::string_view pattern) { return {TextPattern::Kind::kRegex, std::string(pattern)}; }

void set_steps(Cutting cutting, bool add_prefix_space, TokenizerSpec& spec) {
  const NormalizeUnicode nfc{unicode::Form::kNfc};
  const SplitByteLevel whole{.add_prefix_space = add_prefix_space, .use_regex = false};
  const SplitByteLevel words{.add_prefix_space = add_prefix_space, .use_regex = true};
  switch (cutting) {
    case Cutting::kGpt2:
      spec.pretokenizer = {words};
      break;
    case Cutting::kGpt2AfterNfc:
      spec.normalizer = {nfc};
      spec.pretokenizer = {words};
      break;
    case Cutting::kDigits:
      spec.normalizer = {nfc};
      spec.pretokenizer = {SplitDigits{.individually = true}, words};
      break;
    case Cutting::kQwen2:
    case Cutting::kQwen35:
      spec.normalizer = {nfc};
      spec.pretokenizer = {SplitPattern{regex(cutting == Cutting::kQwen2 ? kQwen2Pattern : kQwen35Pattern)},
                           whole};
      break;
    case Cutting::kClip:
      spec.normalizer = {nfc, ReplacePattern{regex(R"(\s+)"), " "}, Lowercase{}};
      spec.pretokenizer = {SplitPattern{regex(kClipPattern), SplitBehavior::kRemoved, true},
                           SplitByteLevel{.add_prefix_space = false, .use_regex = true}};
      break;
  }
  spec.decoder = {DecodeByteLevel{}};
}

// Lines without their ends; an empty one behind the last end is none.
template <class F>
void for_each_line(std::string_view text, F&& line) {
  while (!text.empty()) {
    const size_t end = std::min(text.find('\n'), text.size());
    std::string_view one = text.substr(0, end);
    if (one.ends_with('\r')) one.remove_suffix(1);
    text.remove_prefix(std::min(end + 1, text.size()));
    line(one);
  }
}

std::vector<std::pair<std::string, std::string>> read_merges(const fs::path& file) {
  std::vector<std::pair<std::string, std::string>> merges;
  size_t number = 0;
  const auto mapped = MappedFile::open(file);
  for_each_line(mapped->text(), [&](std::string_view line) {
    ++number;
    if (line.empty() || line.starts_with("#version")) return;
    const size_t space = line.find(' ');
    if (space == std::string_view::npos || line.find(' ', space + 1) != std::string_view::npos)
      fail(ErrorCode::kBadFile, "{}: line {} is {}, expected two tokens with a space between them",
           file.string(), number, in_quotes(line));
    merges.emplace_back(line.substr(0, space), line.substr(space + 1));
  });
  return merges;
}

// Tokens by the names that `config` has for them, as special ones; those that the vocabulary lacks are left
// out.
class Specials {
 public:
  Specials(const Settings& config, TokenizerSpec& spec) : config_(config), spec_(spec), places_(spec) {}

  std::optional<TokenId> named(std::string_view key, std::string_view fallback) {
    return spelled(config_.token(key, fallback));
  }
  std::optional<TokenId> find(std::string_view spelling) const { return places_.find(spelling); }

 private:
  std::optional<TokenId> spelled(const std::string& spelling) {
    const auto id = places_.find(spelling);
    if (id && spec_.tokens[static_cast<size_t>(*id)].kind == TokenKind::kNormal)
      declare_added(spec_, {.content = spelling, .special = true}, *id);
    return id;
  }

  const Settings& config_;
  TokenizerSpec& spec_;
  TokenPlaces places_;
};

TokenizerSpec read_byte_level(const fs::path& folder, const Settings& config) {
  const fs::path file = folder / "vocab.json";
  const TokenizerClass& its_class = class_of(config, folder);
  TokenizerSpec spec;
  spec.source = file.string();
  spec.tokens_field = "the vocabulary";
  spec.merges_field = "merges.txt";
  TokenPlaces::fill(spec, parse_vocabulary_json(MappedFile::open(file)->text(), spec.source),
                    TokenPlaces::Replaced::kDropped, spec.tokens_field);
  BpeSpec bpe{.merges = read_merges(folder / "merges.txt")};
  if (its_class.cutting == Cutting::kClip) bpe.word_suffix = "</w>";
  spec.model = std::move(bpe);
  set_steps(its_class.cutting, config.flag("add_prefix_space", false), spec);

  Specials specials(config, spec);
  spec.special.bos = specials.named("bos_token", its_class.bos);
  spec.special.eos = specials.named("eos_token", its_class.eos);
  spec.special.unk = specials.named("unk_token", its_class.unknown);
  spec.special.pad = specials.named("pad_token", its_class.padding);
  if (its_class.cutting == Cutting::kClip) spec.unknown = spec.special.unk;
  const auto surround = [&](const std::array<std::string_view, 2>& names, std::vector<TokenId>& ids) {
    for (const std::string_view name : names) {
      if (name.empty()) continue;
      const bool begins = name == "bos_token" || name == "cls_token";
      const auto id = name.ends_with("_token") ? specials.named(name, begins ? its_class.bos : its_class.eos)
                                               : specials.find(name);
      if (id) ids.push_back(*id);
    }
  };
  if (its_class.before[0] == "cls_token")
    specials.named("mask_token", its_class.bos == "<s>" ? "<mask>" : "[MASK]");
  surround(its_class.before, spec.prefix);
  surround(its_class.after, spec.suffix);
  return spec;
}

TokenizerSpec read_word_piece(const fs::path& file, const Settings& config) {
  TokenizerSpec spec;
  spec.source = file.string();
  spec.tokens_field = "the list of tokens";
  std::vector<TokenPlaces::Entry> entries;
  const auto mapped = MappedFile::open(file);
  for_each_line(mapped->text(), [&](std::string_view line) {
    const size_t end = line.find_last_not_of(" \t\r\v\f");
    entries.push_back({.spelling = std::string(line.substr(0, end == std::string_view::npos ? 0 : end + 1)),
                       .id = static_cast<int64_t>(entries.size())});
  });
  TokenPlaces::fill(spec, std::move(entries), TokenPlaces::Replaced::kDropped, spec.tokens_field);
  const bool is_mpnet = config.string("tokenizer_class").starts_with("MPNet");
  const bool lowercase = config.flag("do_lower_case", true);
  spec.model = WordPieceSpec{};
  spec.normalizer = {NormalizeBert{.separate_chinese = config.flag("tokenize_chinese_chars", true),
                                   .strip_accents = config.flag("strip_accents", lowercase),
                                   .lowercase = lowercase}};
  spec.pretokenizer = {SplitBert{}};
  spec.decoder = {DecodeWordPiece{}};

  Specials specials(config, spec);
  if (const auto begin = specials.named("cls_token", is_mpnet ? "<s>" : "[CLS]")) spec.prefix = {*begin};
  if (const auto end = specials.named("sep_token", is_mpnet ? "</s>" : "[SEP]")) spec.suffix = {*end};
  specials.named("mask_token", is_mpnet ? "<mask>" : "[MASK]");
  spec.special.pad = specials.named("pad_token", is_mpnet ? "<pad>" : "[PAD]");
  spec.unknown = spec.special.unk = specials.named("unk_token", "[UNK]");
  if (spec.unknown) spec.tokens[static_cast<size_t>(*spec.unknown)].kind = TokenKind::kUnknown;
  return spec;
}

}  // namespace

std::optional<TokenizerSpec> read_vocabulary_files(const fs::path& folder) {
  const bool is_byte_level = fs::exists(folder / "vocab.json") && fs::exists(folder / "merges.txt");
  if (!is_byte_level && !fs::exists(folder / "vocab.txt")) return std::nullopt;
  const Settings config(folder / "tokenizer_config.json");
  return is_byte_level ? read_byte_level(folder, config) : read_word_piece(folder / "vocab.txt", config);
}

}  // namespace ferrum
