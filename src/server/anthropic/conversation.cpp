#include "server/anthropic/conversation.h"

#include <algorithm>

#include "base/error.h"
#include "server/api/sampling_fields.h"
#include "server/api/template_options.h"
#include "server/api/text_parts.h"
#include "server/api/tool_history.h"

namespace ferrum::server::anthropic {
namespace {

constexpr TextPart kParts[] = {{"text", "text"}};
constexpr std::string_view kBillingLine = "x-anthropic-";

Json without_thoughts(const Json& content) {
  if (!content.is_array()) return content;
  Json rest = Json::array();
  for (const Json& part : content)
    if (!part.is_object() ||
        (part.value("type", Json()) != "thinking" && part.value("type", Json()) != "redacted_thinking"))
      rest.push_back(part);
  return rest;
}

std::string without_billing_lines(std::string_view text) {
  std::string rest;
  while (!text.empty()) {
    const size_t end = std::min(text.find('\n'), text.size() - 1) + 1;
    if (!text.starts_with(kBillingLine)) rest += text.substr(0, end);
    text.remove_prefix(end);
  }
  return rest;
}

// Works block by block, since the text after a block begins a new line.
Json without_billing_lines(const Json& content) {
  if (content.is_string())
    return without_billing_lines(std::string_view(content.get_ref<const std::string&>()));
  if (!content.is_array()) return content;
  Json rest = Json::array();
  for (Json part : content) {
    if (part.is_object() && part.contains("text") && part["text"].is_string()) {
      std::string text = without_billing_lines(std::string_view(part["text"].get_ref<const std::string&>()));
      if (text.empty()) continue;
      part["text"] = std::move(text);
    }
    rest.push_back(std::move(part));
  }
  return rest;
}

// Adjacent messages of one role are one turn.
ChatMessage& turn_of(const std::string& role, std::vector<ChatMessage>& turns) {
  if (turns.empty() || turns.back().role != role) turns.emplace_back().role = role;
  return turns.back();
}

void add_text(const std::string& role, const std::string& text, std::vector<ChatMessage>& turns) {
  const bool is_new = turns.empty() || turns.back().role != role;
  ChatMessage& turn = turn_of(role, turns);
  if (!is_new && !turn.content.empty()) turn.content += "\n\n";
  turn.content += text;
}

void add_system(Fields& body, const Json& content, const std::string& path, std::vector<ChatMessage>& turns) {
  std::string text = text_of_parts(body, without_billing_lines(content), path, kParts);
  if (text.empty()) return;
  ChatMessage& message = turns.emplace_back();
  message.role = "system";
  message.content = std::move(text);
}

void add_tool_use(Fields& block, const ModelInfo& model, std::vector<ChatMessage>& turns) {
  check_tool_turns(block, "type", model);
  const std::string id = block.text("id").value_or("");
  const std::string name = block.text("name").value_or("");
  if (name.empty()) block.refuse_value("name", block.path_of("name") + " is missing");
  const Json* input = block.object("input");
  add_call(turn_of("assistant", turns), {.id = id, .name = name, .arguments = input ? to_text(*input) : ""});
}

void add_tool_result(Fields& block, const ModelInfo& model, std::vector<ChatMessage>& turns) {
  check_tool_turns(block, "type", model);
  ChatMessage& result = turns.emplace_back();
  result.role = "tool";
  result.tool_call_id = block.text("tool_use_id").value_or("");
  if (const Json* content = block.find("content"))
    result.content = text_of_parts(block, *content, block.path_of("content"), kParts);
}

struct Speaker {
  std::string role;
  const ModelInfo& model;
};

// The texts between calls or results are one turn each.
void add_blocks(const Fields& body, const Json& content, const std::string& path, const Speaker& speaker,
                std::vector<ChatMessage>& turns) {
  const bool is_assistant = speaker.role == "assistant";
  const auto type_of = [&](const Json& json) {
    return json.is_object() && json.value("type", Json()).is_string() ? json["type"].get<std::string>() : "";
  };
  if (!content.is_array()) return add_text(speaker.role, text_of_parts(body, content, path, kParts), turns);
  std::string text;
  bool has_text = content.empty();
  const auto end_text = [&] {
    if (has_text) add_text(speaker.role, text, turns);
    text.clear();
    has_text = false;
  };
  for (size_t i = 0; i < content.size(); ++i) {
    const std::string part_path = fmt::format("{}[{}]", path, i);
    const std::string type = type_of(content[i]);
    const bool is_call = is_assistant && type == "tool_use";
    if (!is_call && (is_assistant || type != "tool_result")) {
      text += text_of_part(body, content[i], part_path, kParts);
      has_text = true;
      continue;
    }
    end_text();
    Fields block(body, content[i], part_path);
    if (is_call)
      add_tool_use(block, speaker.model, turns);
    else
      add_tool_result(block, speaker.model, turns);
  }
  end_text();
}

}  // namespace

ChatPrompt chat_prompt(Fields& body, const ModelInfo& model) {
  ChatPrompt chat;
  std::vector<ChatMessage>& turns = chat.messages;
  if (const Json* system = body.find("system")) add_system(body, *system, "system", turns);
  const Json& messages = body.required("messages");
  if (!messages.is_array() || messages.empty())
    refuse("messages", "messages must be an array with at least one message");
  for (size_t i = 0; i < messages.size(); ++i) {
    Fields f(body, messages[i], fmt::format("messages[{}]", i));
    const std::string role = f.text("role").value_or("");
    const Json& content = f.required("content");
    const std::string path = f.path_of("content");
    if (role == "system")
      add_system(body, content, path, turns);
    else if (role == "user" || role == "assistant")
      add_blocks(body, role == "assistant" ? without_thoughts(content) : content, path, {role, model}, turns);
    else
      f.refuse_value("role", fmt::format("{} must be user, assistant or system, not {}", f.path_of("role"),
                                         in_quotes(role)));
  }
  name_results(turns);
  if (!turns.empty() && turns.back().role == "assistant") {
    chat.last_message = ChatPrompt::LastMessage::kContinued;
    if (!turns.back().tool_calls.empty())
      body.refuse_value("messages", "messages: the last one has tool_use blocks, whose results are missing");
  }
  return chat;
}

ThinkingOptions thinking_options(Fields& body, const ModelInfo& model) {
  const Json* given = body.object("chat_template_kwargs");
  Json options = given ? *given : Json::object();
  ThinkingOptions result;
  if (const Json* thinking = body.object("thinking")) {
    Fields f(body, *thinking, "thinking");
    const std::string type = f.text("type").value_or("");
    if (type != "disabled" && type != "adaptive" && type != "enabled")
      f.refuse_value("type", fmt::format("{} must be enabled, adaptive or disabled, not {}",
                                         f.path_of("type"), in_quotes(type)));
    const auto budget = f.integer("budget_tokens", 0, kMaxTokens);
    if (type == "enabled" && !f.find("budget_tokens"))
      f.refuse_value("budget_tokens", f.path_of("budget_tokens") + " is missing",
                     "missing_required_parameter");
    if (type == "enabled" && budget) result.budget = static_cast<int>(*budget);
    // Without a switch in its template a model always or never thinks.
    if (!set_thinking(model, type != "disabled", options))
      f.hint("type",
             model.reasons ? std::vector<Json>{"enabled", "adaptive"} : std::vector<Json>{"disabled"});
    f.refuse("display", "thoughts are sent as the model writes them", {"summarized"});
    f.refuse_others();
  }
  if (const Json* config = body.object("output_config")) {
    Fields f(body, *config, "output_config");
    if (const auto effort = f.text("effort")) {
      if (!is_effort(*effort))
        f.refuse_value("effort", f.path_of("effort") + " must be low, medium, high, xhigh or max");
      else if (!set_effort(model, *effort, options))
        f.hint("effort");
    }
    f.refuse("format", "structured output is not supported yet");
    f.refuse_others();
  }
  if (!options.empty()) result.template_options = to_text(options);
  return result;
}

void read_other_fields(Fields& f) {
  f.object("metadata");
  f.hint("metadata", {Json::object()});
  f.hint("service_tier", {"auto", "standard_only"});
  f.find("cache_control");  // all prompts are cached
  f.hint("inference_geo");
  f.hint("user_profile_id");
  if (const Json* management = f.object("context_management")) {
    // Accepts edits that remove what prompts never contain here, or contain only once tools are supported.
    Fields m(f, *management, "context_management");
    const Json* edits = m.find("edits");
    const auto clears = [](const Json& edit) {
      return edit.is_object() && edit.value("type", Json("")).is_string() &&
             edit.value("type", std::string()).starts_with("clear_");
    };
    if (edits && !(edits->is_array() && std::ranges::all_of(*edits, clears)))
      m.refuse("edits", "only edits of the types clear_… are known");
    m.refuse_others();
    f.hint("context_management", {Json::object(), Json{{"edits", Json::array()}}});
  }
  f.refuse("container", "containers are not supported");
  f.refuse("mcp_servers", "MCP servers are not supported", {Json::array()});
  f.refuse("output_format", "structured output is not supported yet");
  // Tools that the model may not call are left out of the prompt.
  const Json* choice = f.object("tool_choice");
  if (choice && choice->value("type", Json()) == "none") {
    f.find("tools");
  } else {
    f.refuse("tools", "tools are not supported yet", {Json::array()});
    f.refuse("tool_choice", "tools are not supported yet", {Json{{"type", "auto"}}});
  }
}

}  // namespace ferrum::server::anthropic
