#include "cli/chat_settings.h"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <map>
#include <nlohmann/json.hpp>
#include <span>

#include "base/error.h"
#include "base/json.h"
#include "cli/options.h"
#include "cli/sampling_settings.h"
#include "engine/sampling/sampling_options.h"

namespace ferrum::cli {
namespace {

// The template variables that turn thinking on and off: Qwen3's and GLM's, DeepSeek's and Granite's.
constexpr const char* kThinkingVariables[] = {"enable_thinking", "thinking"};

Json template_variables(const ChatSettings& settings) {
  return settings.template_options.empty() ? Json::object()
                                           : parse_json(settings.template_options, "template options");
}

void set_think(ChatSettings& settings, const std::string& value) {
  if (value != "on" && value != "off" && value != "default")
    fail(ErrorCode::kBadArgument, "must be on, off or default, not {}", in_quotes(value));
  Json variables = template_variables(settings);
  for (const char* name : kThinkingVariables) {
    variables.erase(name);
    if (value != "default") variables[name] = value == "on";
  }
  settings.template_options = variables.empty() ? "" : variables.dump();
}

std::string think_text(const ChatSettings& settings) {
  const Json variables = template_variables(settings);
  const auto found = variables.find(kThinkingVariables[0]);
  if (found == variables.end() || !found->is_boolean()) return "default";
  return found->get<bool>() ? "on" : "off";
}

void set_format(ChatSettings& settings, const std::string& value) {
  if (value != "on" && value != "off")
    fail(ErrorCode::kBadArgument, "must be on or off, not {}", in_quotes(value));
  settings.format = answer_format_of_output(value == "on" ? AnswerFormat::kMarkdown : AnswerFormat::kText);
}

struct OwnSetting {
  std::function<void(ChatSettings&, const std::string&)> set;
  std::function<std::string(const ChatSettings&)> show;
  std::vector<std::string> values = {};  // suggestions
};

// Settings other than those of sampling.
const std::map<std::string, OwnSetting>& own_settings() {
  using S = ChatSettings;
  static const std::map<std::string, OwnSetting> kSettings = {
      {"max_tokens",
       {[](S& s, const std::string& v) { set_number(s.max_tokens, v); },
        [](const S& s) { return std::to_string(s.max_tokens); }}},
      {"min_tokens",
       {[](S& s, const std::string& v) { set_number(s.min_tokens, v); },
        [](const S& s) { return std::to_string(s.min_tokens); }}},
      {"stop",
       {[](S& s, const std::string& v) { s.stop = v.empty() ? std::vector<std::string>() : std::vector{v}; },
        [](const S& s) { return s.stop.empty() ? "none" : in_quotes(s.stop.front()); }}},
      {"think", {set_think, think_text, {"on", "off", "default"}}},
      {"markdown",
       {set_format,
        [](const S& s) { return s.format == AnswerFormat::kMarkdown ? "on" : "off"; },
        {"on", "off"}}},
  };
  return kSettings;
}

const SamplingSetting* sampling_setting(const std::string& name) {
  for (const SamplingSetting& setting : sampling_settings())
    if (setting.name == name) return &setting;
  return nullptr;
}

}  // namespace

std::vector<std::string> chat_setting_names() {
  std::vector<std::string> names;
  for (const SamplingSetting& setting : sampling_settings()) names.emplace_back(setting.name);
  for (const auto& [name, setting] : own_settings()) names.push_back(name);
  std::sort(names.begin(), names.end());
  return names;
}

std::vector<std::string> chat_setting_values(const std::string& name) {
  const auto own = own_settings().find(name);
  return own == own_settings().end() ? std::vector<std::string>() : own->second.values;
}

void set_chat_setting(ChatSettings& settings, const std::string& name, const std::string& value) {
  const SamplingSetting* const sampling = sampling_setting(name);
  const auto own = own_settings().find(name);
  if (!sampling && own == own_settings().end())
    fail(ErrorCode::kBadArgument, "there is no setting {}; the settings are: {}", in_quotes(name),
         fmt::join(chat_setting_names(), ", "));
  const bool may_be_empty = sampling ? sampling->values == SamplingSetting::Values::kMany : name == "stop";
  if (value.empty() && !may_be_empty) fail(ErrorCode::kBadArgument, "{}: the value is missing", name);
  ChatSettings changed = settings;
  try {
    if (sampling)
      sampling->set(changed.sampling, std::span(&value, value.empty() ? 0 : 1));
    else
      own->second.set(changed, value);
    validate(changed.sampling);
  } catch (const Error& e) {
    fail(e.code(), "{}: {}", name, e.what());
  }
  settings = std::move(changed);
}

std::string all_settings_text(const ChatSettings& settings) {
  std::vector<std::string> all;
  for (const SamplingSetting& setting : sampling_settings())
    all.push_back(fmt::format("{} {}", setting.name, setting.show(settings.sampling)));
  for (const auto& [name, setting] : own_settings())
    all.push_back(fmt::format("{} {}", name, setting.show(settings)));
  return fmt::format("{}", fmt::join(all, ", "));
}

}  // namespace ferrum::cli
