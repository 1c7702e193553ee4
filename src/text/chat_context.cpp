#include "text/chat_context.h"

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <utility>

#include "base/error.h"
#include "text/chat_template.h"

namespace ferrum {
namespace {

bool is_reserved(std::string_view name) {
  constexpr std::array<std::string_view, 5> kNames = {"messages", "tools", "functions", "documents",
                                                      "add_generation_prompt"};
  return std::find(kNames.begin(), kNames.end(), name) != kNames.end() ||
         ChatTemplate::is_trusted_variable(name);
}

void set_array(OrderedJson& context, const char* name, const OrderedJson& value) {
  if (!value.is_array())
    fail(ErrorCode::kBadArgument, "{}: expected an array, got {}", name, value.type_name());
  context[name] = value;
}

}  // namespace

const std::string_view kChatMlTemplate =
    R"({%- for message in messages -%}
  {{- '<|im_start|>' + message.role + '\n' -}}
  {%- if message.content is string -%}
    {{- message.content -}}
  {%- else -%}
    {%- for part in message.content or [] if part.type == 'text' -%}{{- part.text -}}{%- endfor -%}
  {%- endif -%}
  {{- '<|im_end|>\n' -}}
{%- endfor -%}
{%- if add_generation_prompt -%}{{- '<|im_start|>assistant\n' -}}{%- endif -%})";

std::optional<TokenId> chat_ml_end(const Tokenizer& tokenizer) {
  const auto control = [&](std::string_view spelling) -> std::optional<TokenId> {
    const std::optional<TokenId> id = tokenizer.find(spelling);
    return id && tokenizer.kind(*id) == TokenKind::kControl ? id : std::nullopt;
  };
  return control("<|im_start|>") ? control("<|im_end|>") : std::nullopt;
}

SpecialTokens special_tokens(const Tokenizer& tokenizer) {
  const Tokenizer::Special& special = tokenizer.special();
  const auto spelled = [&](std::optional<TokenId> id) -> std::optional<std::string> {
    if (!id) return std::nullopt;
    return std::string(tokenizer.spelling(*id));
  };
  return {.bos = spelled(special.bos),
          .eos = spelled(special.eos),
          .unk = spelled(special.unk),
          .sep = {},
          .pad = spelled(special.pad),
          .cls = {},
          .mask = {}};
}

ChatContext::ChatContext()
    : json_(std::make_unique<OrderedJson>(OrderedJson{{"messages", OrderedJson::array()},
                                                      {"tools", nullptr},
                                                      {"documents", nullptr},
                                                      {"add_generation_prompt", true}})) {}
ChatContext::~ChatContext() = default;
ChatContext::ChatContext(ChatContext&&) noexcept = default;
ChatContext& ChatContext::operator=(ChatContext&&) noexcept = default;

const OrderedJson& ChatContext::json() const { return *json_; }

void ChatContext::add_message(std::string_view role, std::string_view content) {
  (*json_)["messages"].push_back({{"role", role}, {"content", content}});
}

void ChatContext::add_message(const OrderedJson& message) {
  OrderedJson& messages = (*json_)["messages"];
  const auto complain = [&](std::string_view what) {
    fail(ErrorCode::kBadArgument, "messages[{}]: {}", messages.size(), what);
  };
  if (!message.is_object()) complain("expected an object");
  if (!message.contains("role")) complain("'role' is missing");
  if (!message.at("role").is_string()) complain("'role' must be a string");
  messages.push_back(message);
}

void ChatContext::set_tools(const OrderedJson& tools) { set_array(*json_, "tools", tools); }

void ChatContext::set_documents(const OrderedJson& documents) { set_array(*json_, "documents", documents); }

void ChatContext::set_functions(const OrderedJson& functions) { (*json_)["functions"] = functions; }

void ChatContext::set_special_tokens(const SpecialTokens& tokens) {
  const std::array<std::pair<const char*, const std::optional<std::string>*>, 7> named = {
      {{"bos_token", &tokens.bos},
       {"eos_token", &tokens.eos},
       {"unk_token", &tokens.unk},
       {"sep_token", &tokens.sep},
       {"pad_token", &tokens.pad},
       {"cls_token", &tokens.cls},
       {"mask_token", &tokens.mask}}};
  for (const auto& [name, token] : named) {
    if (*token)
      (*json_)[name] = **token;
    else
      json_->erase(name);
  }
}

void ChatContext::add_generation_prompt(bool add) { (*json_)["add_generation_prompt"] = add; }

void ChatContext::set_option(std::string_view name, const OrderedJson& value) {
  if (is_reserved(name))
    fail(ErrorCode::kBadArgument, "{} is not an option of chat templates: it has a place of its own",
         in_quotes(name));
  (*json_)[std::string(name)] = value;
}

}  // namespace ferrum
