#include "checkpoint/tokenizer_config.h"

#include <algorithm>
#include <array>

#include "base/error.h"
#include "base/numbers.h"
#include "checkpoint/added_token_entry.h"
#include "checkpoint/json_view.h"

namespace ferrum {
namespace {

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

std::vector<AddedTokenEntry> read_added_tokens(const JsonView& added) {
  if (!added.is_object()) added.refuse("is no object of ids and tokens");
  std::vector<AddedTokenEntry> entries;
  for (const auto& [id, token] : added.value().items()) {
    const JsonView view(token, added.source(), added.field() + "." + id);
    entries.push_back(read_added_token(view));
    const std::optional<int32_t> number = whole_number<int32_t>(id);
    if (!number || *number < 0) view.refuse("is named by no id");
    entries.back().id = *number;
  }
  std::sort(entries.begin(), entries.end(), [](const auto& a, const auto& b) { return a.id < b.id; });
  return entries;
}

void apply_added_token(const AddedTokenEntry& entry, const std::string& source, TokenizerSpec& spec) {
  const auto id = static_cast<size_t>(entry.id);
  if (id < spec.tokens.size() && spec.tokens[id].spelling != entry.content)
    fail(ErrorCode::kBadFile, "{}: added_tokens_decoder.{} is {}, but the vocabulary has {} there", source,
         id, in_quotes(entry.content), in_quotes(spec.tokens[id].spelling));
  if (id > spec.tokens.size())
    fail(ErrorCode::kBadFile, "{}: added_tokens_decoder.{} leaves a hole after the {} tokens there are",
         source, id, spec.tokens.size());
  if (id == spec.tokens.size()) spec.tokens.push_back({.spelling = entry.content});
  declare_added(spec, entry, static_cast<TokenId>(id));
}

}  // namespace

void apply_tokenizer_config(std::string_view text, const std::string& source, TokenizerSpec& spec) {
  const Json json = parse_json(text, source);
  const JsonView config(json, source);
  if (const auto added = config.find("added_tokens_decoder"))
    for (const AddedTokenEntry& entry : read_added_tokens(*added)) apply_added_token(entry, source, spec);
  apply_named_specials(config, spec);
  apply_wanted_ends(config, spec);
}

void apply_special_tokens_map(std::string_view text, const std::string& source, TokenizerSpec& spec) {
  const Json json = parse_json(text, source);
  apply_named_specials(JsonView(json, source), spec);
  note_what_a_text_gets(spec);
}

}  // namespace ferrum
