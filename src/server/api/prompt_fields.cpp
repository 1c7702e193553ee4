#include "server/api/prompt_fields.h"

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

TokenPrompt infill_prompt(Fields& body, const char* param, const Engine& engine, const InfillPrompt& prompt) {
  if (engine.info().infills) return {engine.infill_tokens(prompt)};
  body.refuse_value(param,
                    std::string(param) + ": the model's vocabulary has no tokens for filling in the middle",
                    "unsupported_parameter");
  return {};
}

}  // namespace ferrum::server
