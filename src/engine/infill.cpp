#include "engine/infill.h"

#include <initializer_list>
#include <string_view>

namespace ferrum {
namespace {

constexpr std::string_view kRepository = "project\n";  // any name: the model was trained to read one
constexpr std::string_view kCurrentFile = "current\n";

std::optional<TokenId> known(const Tokenizer& tokenizer, std::optional<TokenId> given,
                             std::initializer_list<std::string_view> spellings) {
  if (given) return given;
  for (const std::string_view spelling : spellings) {
    const std::optional<TokenId> id = tokenizer.find(spelling);
    if (id && tokenizer.kind(*id) == TokenKind::kControl) return id;
  }
  return std::nullopt;
}

}  // namespace

std::optional<InfillTokens> infill_tokens_of(const Tokenizer& tokenizer) {
  const Tokenizer::Special& special = tokenizer.special();
  const auto prefix = known(tokenizer, special.fim_prefix,
                            {"<|fim_prefix|>", "<fim_prefix>", "<fim-prefix>", "<｜fim▁begin｜>",
                             "<|code_prefix|>", "[PREFIX]", "<PRE>", "▁<PRE>"});
  const auto suffix = known(tokenizer, special.fim_suffix,
                            {"<|fim_suffix|>", "<fim_suffix>", "<fim-suffix>", "<｜fim▁hole｜>",
                             "<|code_suffix|>", "[SUFFIX]", "<SUF>", "▁<SUF>"});
  const auto middle = known(tokenizer, special.fim_middle,
                            {"<|fim_middle|>", "<fim_middle>", "<fim-middle>", "<｜fim▁end｜>",
                             "<|code_middle|>", "[MIDDLE]", "<MID>", "▁<MID>"});
  if (!prefix || !suffix || !middle) return std::nullopt;
  return InfillTokens{
      .prefix = *prefix,
      .suffix = *suffix,
      .middle = *middle,
      .repository = known(tokenizer, special.fim_repository,
                          {"<|fim_repo|>", "<|repo_name|>", "<repo_name>", "<fim-repo>", "<reponame>"}),
      .file = known(tokenizer, special.fim_file, {"<|file_sep|>", "<|file_separator|>", "<file_sep>"})};
}

std::vector<TokenId> encode_infill(const Tokenizer& tokenizer, const InfillTokens& tokens,
                                   const InfillPrompt& prompt) {
  const bool recognised = prompt.control_tokens == TextPrompt::ControlTokens::kRecognised;
  std::vector<TokenId> ids;
  const auto add = [&](std::string_view text) {
    const std::vector<TokenId> more = tokenizer.encode({text, recognised}, {.add_special = false});
    ids.insert(ids.end(), more.begin(), more.end());
  };
  // Names and texts of other files are data, never structure.
  const auto add_data = [&](const std::string& text) {
    const std::vector<TokenId> more = tokenizer.encode({text, false}, {.add_special = false});
    ids.insert(ids.end(), more.begin(), more.end());
  };
  const Tokenizer::Special& special = tokenizer.special();
  if (special.add_bos && special.bos) ids.push_back(*special.bos);
  if (!prompt.files.empty() && tokens.repository) {
    ids.push_back(*tokens.repository);
    add(kRepository);
  }
  for (const InfillPrompt::File& file : prompt.files) {
    if (tokens.file) {
      ids.push_back(*tokens.file);
      add_data(file.name + "\n");
    } else {
      add("\n\n--- snippet ---\n\n");
    }
    add_data(file.text);
  }
  if (!prompt.files.empty() && tokens.file) {
    ids.push_back(*tokens.file);
    add(kCurrentFile);
  }
  ids.push_back(tokens.prefix);
  add(prompt.prefix);
  ids.push_back(tokens.suffix);
  add(prompt.suffix);
  ids.push_back(tokens.middle);
  return ids;
}

}  // namespace ferrum
