// The settings of a chat, and their names for /set.
#pragma once
#include <optional>
#include <string>
#include <vector>

#include "cli/answer_printer.h"
#include "ferrum/types.h"

namespace ferrum::cli {

enum class PromptStyle { kChat, kRaw };  // through the chat template, or continued without it

struct ChatSettings {
  PromptStyle style = PromptStyle::kChat;
  TextPrompt::ControlTokens control_tokens = TextPrompt::ControlTokens::kRecognised;  // in raw text
  AnswerFormat format = AnswerFormat::kPlain;
  std::string system;  // system prompt; empty: none
  SamplingOptions sampling;
  std::optional<AnswerRule> rule{};  // then only what it is about is printed: no thoughts
  int max_tokens = -1;
  int min_tokens = 0;
  Request::EndOfText end_of_text = Request::EndOfText::kStops;
  Request::ContextEnd context_end = Request::ContextEnd::kFinishes;
  int keep_tokens = Request().keep_tokens;
  std::vector<std::string> stop;
  std::string template_options;  // a JSON object, or empty
  std::string adapter;           // empty: none
  float adapter_scale = 1;
};

// Names for /set, sorted.
std::vector<std::string> chat_setting_names();
// Suggested values of a setting; usually none.
std::vector<std::string> chat_setting_values(const std::string& name);

// Changes one setting. Throws kBadArgument naming the fault, and then changes nothing.
void set_chat_setting(ChatSettings& settings, const std::string& name, const std::string& value);

// "temperature 0.8, top_k 40, …"
std::string all_settings_text(const ChatSettings& settings);

}  // namespace ferrum::cli
