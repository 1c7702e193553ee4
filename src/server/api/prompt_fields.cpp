#include "server/api/prompt_fields.h"

#include <algorithm>
#include <limits>

namespace ferrum::server {
namespace {

// Reads a switch that has two names. Both may be given if they agree.
std::optional<bool> either(Fields& body, const char* one, const char* other) {
  const std::optional<bool> first = body.flag(one);
  const std::optional<bool> second = body.flag(other);
  if (first && second && *first != *second)
    body.refuse_value(other, fmt::format("{} and {} contradict each other", other, one));
  return first ? first : second;
}

}  // namespace

TextPrompt::ControlTokens read_control_tokens(Fields& body) {
  return either(body, "special", "parse_special").value_or(true) ? TextPrompt::ControlTokens::kRecognised
                                                                 : TextPrompt::ControlTokens::kText;
}

TextPrompt::Bos read_bos(Fields& body, TextPrompt::Bos otherwise) {
  const std::optional<bool> added = either(body, "add_special_tokens", "add_special");
  if (!added) return otherwise;
  return *added ? TextPrompt::Bos::kAdded : TextPrompt::Bos::kOmitted;
}

bool is_mixed(const Json& prompt) {
  const auto is_text = [](const Json& part) { return part.is_string(); };
  const auto is_number = [](const Json& part) { return part.is_number(); };
  return prompt.is_array() && std::any_of(prompt.begin(), prompt.end(), is_text) &&
         std::any_of(prompt.begin(), prompt.end(), is_number);
}

TokenPrompt mixed_prompt(const char* param, const Engine& engine, const Json& parts,
                         const TextPrompt& manner) {
  TokenPrompt prompt;
  TextPrompt text = manner;
  for (size_t i = 0; i < parts.size(); ++i) {
    const Json& part = parts[i];
    if (part.is_string()) {
      text.text = part.get<std::string>();
      const std::vector<int32_t> ids = engine.tokens_of(text);
      prompt.ids.insert(prompt.ids.end(), ids.begin(), ids.end());
    } else if (part.is_number_integer() && part >= 0 && part <= std::numeric_limits<int32_t>::max()) {
      prompt.ids.push_back(part.get<int32_t>());
    } else {
      refuse(param, "{}[{}] must be a string or a token id", param, i);
    }
    text.bos = TextPrompt::Bos::kOmitted;
  }
  return prompt;
}

TokenPrompt infill_prompt(Fields& body, const char* param, const Engine& engine, const InfillPrompt& prompt) {
  if (engine.info().infills) return {engine.infill_tokens(prompt)};
  body.refuse_value(param,
                    std::string(param) + ": the model's vocabulary has no tokens for filling in the middle",
                    "unsupported_parameter");
  return {};
}

}  // namespace ferrum::server
