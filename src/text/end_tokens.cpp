#include "text/end_tokens.h"

#include <algorithm>
#include <array>

namespace ferrum {
namespace {

// The list of llama.cpp (llama-vocab.cpp, special_eog_ids).
constexpr std::array<std::string_view, 21> kEnds{"<|eot_id|>",
                                                 "<|im_end|>",
                                                 "<|end|>",
                                                 "<end_of_turn>",
                                                 "<turn|>",
                                                 "<|endoftext|>",
                                                 "<EOT>",
                                                 "_<EOT>",
                                                 "[EOT]",
                                                 "<｜end▁of▁sentence｜>",
                                                 "<end_of_utterance>",
                                                 "<|eom_id|>",
                                                 "<|end_of_text|>",
                                                 "<|return|>",
                                                 "<|call|>",
                                                 "<|calls|>",
                                                 "<|tool_response>",
                                                 "[e~[",
                                                 "[EOS]",
                                                 "<eos>",
                                                 "<|flush|>"};

// In some vocabularies this is an ordinary HTML tag, so it counts only if it is a control token.
constexpr std::string_view kSentenceEnd = "</s>";

std::optional<TokenId> find_control(const Tokenizer& tokenizer, std::string_view spelling) {
  const auto id = tokenizer.find(spelling);
  return id && tokenizer.kind(*id) == TokenKind::kControl ? id : std::nullopt;
}

}  // namespace

bool is_known_end(std::string_view spelling) {
  return std::find(kEnds.begin(), kEnds.end(), spelling) != kEnds.end();
}

std::vector<TokenId> known_ends(const Tokenizer& tokenizer) {
  std::vector<TokenId> ends;
  const auto add = [&](std::string_view spelling) {
    if (const auto id = find_control(tokenizer, spelling)) ends.push_back(*id);
  };
  const auto has = [&](std::string_view spelling) { return find_control(tokenizer, spelling).has_value(); };
  // In a vocabulary with <|return|> (gpt-oss), or <|calls|> and <|flush|> (Solar Open), <|end|> ends a
  // channel and not the answer.
  const bool has_channels = has("<|return|>") || (has("<|calls|>") && has("<|flush|>"));
  for (const std::string_view spelling : kEnds)
    if (!(has_channels && spelling == "<|end|>")) add(spelling);
  if (!has("<|tool_response>")) add(kSentenceEnd);  // Gemma 4 has it as a tag
  return ends;
}

}  // namespace ferrum
