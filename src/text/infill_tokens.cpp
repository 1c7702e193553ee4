#include "text/infill_tokens.h"

#include <algorithm>
#include <array>
#include <span>

namespace ferrum {
namespace {

constexpr std::array<std::string_view, 9> kPrefix{"<|fim_prefix|>",  "<fim_prefix>",    "<fim-prefix>",
                                                  "<｜fim▁begin｜>", "<|code_prefix|>", "[PREFIX]",
                                                  "<PRE>",           "▁<PRE>",          "<|prefix|>"};
constexpr std::array<std::string_view, 9> kSuffix{"<|fim_suffix|>", "<fim_suffix>",    "<fim-suffix>",
                                                  "<｜fim▁hole｜>", "<|code_suffix|>", "[SUFFIX]",
                                                  "<SUF>",          "▁<SUF>",          "<|suffix|>"};
constexpr std::array<std::string_view, 9> kMiddle{"<|fim_middle|>", "<fim_middle>",    "<fim-middle>",
                                                  "<｜fim▁end｜>",  "<|code_middle|>", "[MIDDLE]",
                                                  "<MID>",          "▁<MID>",          "<|middle|>"};
constexpr std::array<std::string_view, 5> kPad{"<|fim_pad|>", "<fim_pad>", "<fim-pad>", "<PAD>", "[PAD]"};
constexpr std::array<std::string_view, 6> kRepository{"<|fim_repo|>", "<|repo_name|>", "<repo_name>",
                                                      "<fim-repo>",   "<reponame>",    "<REPO>"};
constexpr std::array<std::string_view, 3> kFile{"<|file_sep|>", "<|file_separator|>", "<file_sep>"};

std::optional<TokenId> known(const Tokenizer& tokenizer, std::optional<TokenId> given,
                             std::span<const std::string_view> spellings) {
  if (given) return given;
  for (const std::string_view spelling : spellings) {
    const std::optional<TokenId> id = tokenizer.find(spelling);
    if (!id) continue;
    // Qwen's tokenizer.json calls them added, but not special.
    const TokenKind kind = tokenizer.kind(*id);
    if (kind == TokenKind::kControl || kind == TokenKind::kUserDefined) return id;
  }
  return std::nullopt;
}

}  // namespace

std::optional<InfillTokens> infill_tokens_of(const Tokenizer& tokenizer) {
  const Tokenizer::Special& special = tokenizer.special();
  const auto prefix = known(tokenizer, special.fim_prefix, kPrefix);
  const auto suffix = known(tokenizer, special.fim_suffix, kSuffix);
  const auto middle = known(tokenizer, special.fim_middle, kMiddle);
  if (!prefix || !suffix || !middle) return std::nullopt;
  return InfillTokens{.prefix = *prefix,
                      .suffix = *suffix,
                      .middle = *middle,
                      .repository = known(tokenizer, special.fim_repository, kRepository),
                      .file = known(tokenizer, special.fim_file, kFile)};
}

std::vector<TokenId> infill_ends(const Tokenizer& tokenizer) {
  const Tokenizer::Special& special = tokenizer.special();
  std::vector<TokenId> ends;
  for (const auto end :
       {known(tokenizer, special.fim_pad, kPad), known(tokenizer, special.fim_repository, kRepository),
        known(tokenizer, special.fim_file, kFile)})
    if (end) ends.push_back(*end);
  return ends;
}

bool is_infill_token(std::string_view spelling) {
  const auto has = [&](std::span<const std::string_view> spellings) {
    return std::ranges::find(spellings, spelling) != spellings.end();
  };
  return has(kPrefix) || has(kSuffix) || has(kMiddle) || has(kPad) || has(kRepository) || has(kFile);
}

}  // namespace ferrum
