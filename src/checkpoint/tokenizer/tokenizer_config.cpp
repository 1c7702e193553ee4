#include "checkpoint/tokenizer/tokenizer_config.h"

#include <algorithm>
#include <array>
#include <memory>
#include <optional>

#include "base/error.h"
#include "base/log.h"
#include "base/mapped_file.h"
#include "base/numbers.h"
#include "checkpoint/json_view.h"
#include "checkpoint/tokenizer/added_token_entry.h"
#include "checkpoint/tokenizer/token_places.h"

namespace ferrum {
namespace {

namespace fs = std::filesystem;

// A special token is named by its spelling or by an object with its content.
std::optional<std::string> spelling_in(const JsonView& value) {
  const auto content = value.is_object() ? value.find("content") : std::optional(value);
  return content && content->is_string() ? std::optional(content->string()) : std::nullopt;
}

std::optional<std::string> token_name(const JsonView& value) {
  auto spelling = spelling_in(value);
  if (!spelling)
    value.warn(fmt::format("is {}, expected a token: it is left out", value.value().type_name()));
  return spelling;
}

struct NamedSpecial {
  std::string_view key;
  std::optional<TokenId> Tokenizer::Special::*id;  // null: a control token, and no more
};
constexpr std::array<NamedSpecial, 7> kNamedSpecials{{{"bos_token", &Tokenizer::Special::bos},
                                                      {"eos_token", &Tokenizer::Special::eos},
                                                      {"unk_token", &Tokenizer::Special::unk},
                                                      {"pad_token", &Tokenizer::Special::pad},
                                                      {"cls_token", nullptr},
                                                      {"sep_token", nullptr},
                                                      {"mask_token", nullptr}}};
constexpr std::array<std::string_view, 2> kListsOfSpecials{"additional_special_tokens",
                                                           "extra_special_tokens"};

// Hands every special token that the file names to `found`, as (where, spelling, the member it is named for
// or null).
template <class F>
void for_each_special(const JsonView& json, F&& found) {
  for (const NamedSpecial& named : kNamedSpecials)
    if (const auto value = json.find(named.key))
      if (const auto name = token_name(*value)) found(*value, *name, named.id);
  for (const std::string_view key : kListsOfSpecials) {
    const auto list = json.find(key);
    if (!list) continue;
    if (!list->is_array() && !list->is_object()) list->warn("is no list of tokens: it is left out");
    for (const auto& [name_of_one, value] : list->value().items()) {
      const JsonView view(value, list->source(), fmt::format("{}[{}]", list->field(), name_of_one));
      if (const auto name = token_name(view)) found(view, *name, nullptr);
    }
  }
}

// Without the warnings that for_each_special gives.
std::vector<std::string> names_of_specials(const JsonView& json) {
  std::vector<std::string> names;
  const auto note = [&](const JsonView& value) {
    if (auto name = spelling_in(value)) names.push_back(*std::move(name));
  };
  for (const NamedSpecial& named : kNamedSpecials)
    if (const auto value = json.find(named.key)) note(*value);
  for (const std::string_view key : kListsOfSpecials)
    if (const auto list = json.find(key))
      for (const auto& [name, value] : list->value().items())
        note(JsonView(value, list->source(), list->field()));
  return names;
}

void apply_named_specials(const JsonView& json, TokenizerSpec& spec) {
  const TokenPlaces places(spec);
  for_each_special(json, [&](const JsonView& where, const std::string& name,
                             std::optional<TokenId> Tokenizer::Special::*member) {
    const auto id = places.find(name);
    if (!id) {
      if (!name.empty()) where.warn("is " + in_quotes(name) + ", which is no token: it is left out");
      return;
    }
    if (member != nullptr) {
      auto& known = spec.special.*member;
      if (known && known != id && member != &Tokenizer::Special::unk)
        where.warn(fmt::format("is {}, where another file names {}", in_quotes(name),
                               in_quotes(spec.tokens[static_cast<size_t>(*known)].spelling)));
      known = id;
    }
    if (spec.tokens[static_cast<size_t>(*id)].kind == TokenKind::kNormal)
      declare_added(spec, {.content = name, .special = true}, *id);
  });
}

void note_what_a_text_gets(TokenizerSpec& spec) {
  spec.special.add_bos = spec.special.bos && !spec.prefix.empty() && spec.prefix.front() == *spec.special.bos;
  spec.special.add_eos = spec.special.eos && !spec.suffix.empty() && spec.suffix.back() == *spec.special.eos;
}

// Whether the tokenizer's file is one that says all of added tokens and of what a text gets. Of others the
// files beside them do.
bool says_all(const TokenizerSpec& spec) {
  const fs::path file(spec.source);
  return file.extension() == ".json" && file.filename() != "vocab.json";
}

// add_bos_token and add_eos_token, which as in transformers count only where there is no tokenizer.json.
void apply_wanted_ends(const JsonView& config, TokenizerSpec& spec) {
  const auto apply = [&](std::string_view key, const std::optional<TokenId>& token,
                         std::vector<TokenId>& ids) {
    const auto wanted = config.find(key);
    if (!wanted || !token) return;
    if (!wanted->value().is_boolean()) {
      wanted->warn(fmt::format("is {}, expected true or false: it is left out", wanted->value().type_name()));
      return;
    }
    const bool is_added = std::find(ids.begin(), ids.end(), *token) != ids.end();
    if (is_added == wanted->boolean()) return;
    if (says_all(spec)) {
      wanted->warn(fmt::format("is {}, but a text {} it according to {}, which counts", wanted->boolean(),
                               is_added ? "gets" : "does not get", spec.source));
      return;
    }
    std::erase(ids, *token);
    if (wanted->boolean()) ids.insert(&ids == &spec.prefix ? ids.begin() : ids.end(), *token);
  };
  apply("add_bos_token", spec.special.bos, spec.prefix);
  apply("add_eos_token", spec.special.eos, spec.suffix);
  note_what_a_text_gets(spec);
}

// Whether the model gets the types of tokens: the file says which inputs there are, or its class does, of
// which only BERT's own has them. Without types all tokens are of type 0.
bool gives_types(const JsonView& config) {
  if (const auto inputs = config.find("model_input_names"); inputs && inputs->is_array()) {
    for (size_t i = 0; i < inputs->size(); ++i)
      if (inputs->element(i).is_string() && inputs->element(i).string() == "token_type_ids") return true;
    return false;
  }
  const auto name = config.find("tokenizer_class");
  return !name || !name->is_string() || name->string().starts_with("Bert");
}

void apply_types(const JsonView& config, TokenizerSpec& spec) {
  if (gives_types(config)) return;
  for (TemplatePart& part : spec.special.pair) part.type = 0;
}

// The classes that take add_prefix_space from the configuration, whatever tokenizer.json says; the others
// leave it to tokenizer.json.
bool class_adds_spaces(const JsonView& config) {
  static constexpr std::array<std::string_view, 10> kClasses{"Blenderbot", "CodeGen", "Cohere", "Deberta",
                                                             "GPT2",       "GPTNeoX", "LED",    "Longformer",
                                                             "Qwen2",      "Roberta"};
  const auto named = config.find("tokenizer_class");
  if (!named || !named->is_string()) return false;
  std::string name = named->string();
  for (const std::string_view ending : {"Fast", "Tokenizer"})
    if (name.ends_with(ending)) name.resize(name.size() - ending.size());
  return std::find(kClasses.begin(), kClasses.end(), name) != kClasses.end();
}

void apply_prefix_space(const JsonView& config, TokenizerSpec& spec) {
  const auto wanted = config.find("add_prefix_space");
  if (!wanted || !wanted->value().is_boolean() || !says_all(spec)) return;
  for (PretokenizeStep& step : spec.pretokenizer) {
    auto* const bytes = std::get_if<SplitByteLevel>(&step);
    if (bytes == nullptr || bytes->add_prefix_space == wanted->boolean()) continue;
    const bool counts = class_adds_spaces(config);
    wanted->warn(fmt::format("is {}, but {} says {}, {}", wanted->boolean(), spec.source,
                             bytes->add_prefix_space,
                             counts ? "which does not count for this class of tokenizer" : "which counts"));
    if (counts) bytes->add_prefix_space = wanted->boolean();
  }
}

// The additions that give a token other flags than the tokenizer's own file, with a warning. As in
// transformers they count, but not for the named special tokens, which are special in any case.
void settle_flags(std::vector<TokenPlaces::Addition>& additions, const std::vector<std::string>& named,
                  const std::string& source, TokenizerSpec& spec) {
  const TokenPlaces places(spec);
  std::erase_if(additions, [&](const TokenPlaces::Addition& addition) {
    const AddedTokenEntry& entry = addition.entry;
    const auto id = places.find(entry.content);
    const auto known = std::find_if(spec.added.begin(), spec.added.end(),
                                    [&](const AddedToken& added) { return added.id == id; });
    if (known == spec.added.end()) return false;
    const bool is_named = std::find(named.begin(), named.end(), entry.content) != named.end();
    TokenKind& kind = spec.tokens[static_cast<size_t>(*id)].kind;
    if (is_named && kind == TokenKind::kUserDefined) kind = TokenKind::kControl;
    const bool is_same = added_token(spec, entry, *id) == *known &&
                         (kind == TokenKind::kUnknown || entry.special == (kind == TokenKind::kControl));
    if (is_same) return false;
    log::warn("{}: {} gives {} other flags than {}, {}", source, addition.field, in_quotes(entry.content),
              spec.source, is_named ? "whose flags count" : "and they count");
    return is_named;
  });
}

// Where the tokenizer's own file has another token in the place of an added one, it counts, if it lists added
// tokens at all.
void add_tokens(std::vector<TokenPlaces::Addition> additions, const std::vector<std::string>& special,
                const std::string& source, TokenizerSpec& spec) {
  std::stable_sort(additions.begin(), additions.end(),
                   [](const auto& a, const auto& b) { return a.entry.id < b.entry.id; });
  const bool places_count = says_all(spec);
  if (places_count) settle_flags(additions, special, source, spec);
  TokenPlaces places(spec);
  std::erase_if(additions, [&](const TokenPlaces::Addition& addition) {
    const int64_t id = addition.entry.id;
    if (!places_count || places.find(addition.entry.content) || id < 0 ||
        id >= static_cast<int64_t>(spec.tokens.size()))
      return false;
    const std::string& other = spec.tokens[static_cast<size_t>(id)].spelling;
    if (other.empty()) return false;
    log::warn("{}: {} gives {} the id {}, but {} has {} there, which counts", source, addition.field,
              in_quotes(addition.entry.content), id, spec.source, in_quotes(other));
    return true;
  });
  places.add(additions, source);
}

std::vector<TokenPlaces::Addition> read_added_tokens(const JsonView& added) {
  if (!added.is_object()) added.refuse("is no object of ids and tokens");
  std::vector<TokenPlaces::Addition> additions;
  for (const auto& [id, token] : added.value().items()) {
    const JsonView view(token, added.source(), added.field() + "." + id);
    const std::optional<int64_t> number = whole_number<int64_t>(id);
    if (!number) view.refuse("is named by no id");
    additions.push_back({read_added_token(view), view.field()});
    additions.back().entry.id = *number;
  }
  return additions;
}

}  // namespace

void apply_tokenizer_config(std::string_view text, const std::string& source, TokenizerSpec& spec) {
  const Json json = parse_json(text, source, kPythonJson);
  const JsonView config(json, source);
  if (const auto added = config.find("added_tokens_decoder"))
    add_tokens(read_added_tokens(*added), names_of_specials(config), source, spec);
  apply_named_specials(config, spec);
  apply_wanted_ends(config, spec);
  apply_prefix_space(config, spec);
  apply_types(config, spec);
}

void apply_special_tokens_map(std::string_view text, const std::string& source, TokenizerSpec& spec) {
  const Json json = parse_json(text, source, kPythonJson);
  apply_named_specials(JsonView(json, source), spec);
  note_what_a_text_gets(spec);
}

void apply_added_tokens(std::string_view text, const std::string& source,
                        const std::vector<std::string>& special, TokenizerSpec& spec) {
  const Json json = parse_json(text, source, kPythonJson);
  if (!json.is_object()) JsonView(json, source).refuse("is no object of tokens and ids");
  std::vector<TokenPlaces::Addition> additions;
  for (const auto& [content, id] : json.items()) {
    if (!id.is_number_integer())
      fail(ErrorCode::kBadFile, "{}: {} is {}, expected an id", source, in_quotes(content), id.type_name());
    const bool is_special = std::find(special.begin(), special.end(), content) != special.end();
    additions.push_back(
        {{.content = content, .id = id.get<int64_t>(), .special = is_special, .normalized = !is_special},
         in_quotes(content)});
  }
  add_tokens(std::move(additions), special, source, spec);
}

void apply_files_beside(const fs::path& folder, TokenizerSpec& spec) {
  struct File {
    explicit File(const fs::path& path) : source(path.string()) {
      if (fs::exists(path)) mapped = MappedFile::open(path);
    }
    std::string source;
    std::shared_ptr<const MappedFile> mapped;  // null if there is none
  };
  const File config(folder / "tokenizer_config.json");
  const File map(folder / "special_tokens_map.json");
  const File added(folder / "added_tokens.json");
  const auto parsed = [](const File& file) {
    return file.mapped ? parse_json(file.mapped->text(), file.source, kPythonJson) : Json::object();
  };
  const Json config_json = parsed(config);
  const bool config_has_all = JsonView(config_json, config.source).find("added_tokens_decoder").has_value();
  if (!config_has_all && added.mapped) {
    std::vector<std::string> special = names_of_specials(JsonView(config_json, config.source));
    const Json map_json = parsed(map);
    for (std::string& name : names_of_specials(JsonView(map_json, map.source)))
      special.push_back(std::move(name));
    apply_added_tokens(added.mapped->text(), added.source, special, spec);
  }
  if (config.mapped) apply_tokenizer_config(config.mapped->text(), config.source, spec);
  if (!config_has_all && map.mapped) apply_special_tokens_map(map.mapped->text(), map.source, spec);
}

}  // namespace ferrum
