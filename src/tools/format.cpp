#include "tools/format.h"

#include <algorithm>
#include <array>

namespace ferrum::tools {
namespace {

bool has(std::string_view text, std::string_view part) { return text.find(part) != std::string_view::npos; }

// What gives a family away: all of `marks` in the template. The first rule that holds decides.
struct Rule {
  std::string_view family;
  std::array<std::string_view, 2> marks;
};

constexpr Rule kRules[] = {
    {"harmony", {"<|channel|>", "<|message|>"}},
    {"gemma4", {"<|tool_call>", ""}},
    {"functiongemma", {"<start_function_call>", ""}},
    {"kimi-k3", {"<|open|>", "<|sep|>"}},
    {"apertus", {"<|tools_prefix|>", ""}},
    {"gigachat", {"<|function_call|>", ""}},
    {"gigachat", {"function call", "<|role_sep|>"}},
    {"hunyuan-v3", {"<tool_sep", ""}},
    {"hunyuan", {"<tool_calls>", "<answer>"}},
    {"dsml", {"｜DSML｜", ""}},
    {"deepseek-v3", {"<｜tool▁calls▁begin｜>", "```json"}},
    {"deepseek", {"<｜tool▁calls▁begin｜>", ""}},
    {"kimi", {"<|tool_calls_section_begin|>", ""}},
    {"kimi", {"<|im_middle|>", "tool_declare"}},
    {"minimax", {"<minimax:tool_call>", ""}},
    {"seed-oss", {"<seed:tool_call>", ""}},
    {"glm", {"<arg_key>", ""}},
    {"qwen3-coder", {"<function=", "<parameter="}},
    {"functionary-v3.1", {"<function=", ""}},
    {"functionary-v2", {"<|recipient|>", ""}},
    {"functionary-v3.2", {">>>", "tool_calls"}},
    {"mistral", {"[TOOL_CALLS]", "[ARGS]"}},
    {"mistral-list", {"[TOOL_CALLS]", ""}},
    {"functools", {"functools", ""}},
    {"command-r7b", {"<|START_ACTION|>", ""}},
    {"command-r", {"Action:", "tool_name"}},
    {"lfm2", {"<|tool_call_start|>", ""}},
    {"lfm2", {"<|tool_list_start|>", ""}},
    {"lfm2", {"List of tools: [", "keep_past_thinking"}},
    {"phi4", {"<|tool_call|>", "<|tool|>"}},
    {"phi4", {"<|tool|>", "<|/tool|>"}},
    {"granite", {"<|tool_call|>", ""}},
    {"nemotron", {"<TOOLCALL>", ""}},
    {"apriel", {"<tool_calls>", "tool_calls"}},
    {"olmo3", {"<function_calls>", ""}},
    {"llama4-json", {"<|header_start|>", "{\"name\": "}},
    {"llama4", {"<|python_start|>", ""}},
    {"llama4", {"<|header_start|>", "tool"}},
    {"hermes", {"<tool_call>", ""}},
    {"granite", {"<|start_of_role|>", "available_tools"}},
    {"llama3", {"<|python_tag|>", ""}},
    {"llama3", {"<|start_header_id|>", "\"parameters\""}},
};

// Where the template names no calls at all, a token of the vocabulary does.
struct TokenRule {
  std::string_view token;
  std::string_view family;
};

constexpr TokenRule kTokenRules[] = {
    {"<|tool_call>", "gemma4"},
    {"<start_function_call>", "functiongemma"},
    {"<｜tool▁calls▁begin｜>", "deepseek"},
    {"<|tool_calls_section_begin|>", "kimi"},
    {"<|end_of_msg|>", "kimi-k3"},
    {"<|tools_prefix|>", "apertus"},
    {"<|function_call|>", "gigachat"},
    {"<tool_sep>", "hunyuan-v3"},
    {"<tool_sep:opensource>", "hunyuan-v3"},
    {"<minimax:tool_call>", "minimax"},
    {"<seed:tool_call>", "seed-oss"},
    {"<|START_ACTION|>", "command-r7b"},
    {"<|tool_call_start|>", "lfm2"},
    {"<|tool_call|>", "granite"},
    {"<TOOLCALL>", "nemotron"},
};

bool holds(const Rule& rule, std::string_view chat_template) {
  return std::all_of(rule.marks.begin(), rule.marks.end(),
                     [&](std::string_view mark) { return has(chat_template, mark); });
}

std::string_view family_of(std::string_view chat_template, FunctionRef<bool(std::string_view)> has_token) {
  for (const Rule& rule : kRules)
    if (holds(rule, chat_template)) return rule.family;
  if (!has(chat_template, "tool"))  // else it speaks of tools in a way of its own
    for (const TokenRule& rule : kTokenRules)
      if (has_token(rule.token)) return rule.family;
  return "generic";
}

std::string_view without_trailing_spaces(std::string_view text) {
  const size_t last = text.find_last_not_of(" \n\r\t");
  return last == std::string_view::npos ? std::string_view() : text.substr(0, last + 1);
}

// The names of some checkpoints' marks have an end of their own: <tool_sep:opensource>.
void add_suffix(Format& format, std::string_view chat_template,
                FunctionRef<bool(std::string_view)> has_token) {
  constexpr std::string_view kSeparator = "<tool_sep";
  std::string suffix;
  if (const size_t at = chat_template.find(kSeparator); at != std::string_view::npos) {
    const std::string_view rest = chat_template.substr(at + kSeparator.size());
    suffix = rest.substr(0, rest.find_first_not_of(":abcdefghijklmnopqrstuvwxyz_"));
  } else if (has_token("<tool_sep:opensource>")) {
    suffix = ":opensource";
  }
  CallMarks& marks = format.marks;
  for (std::string* mark :
       {&marks.open, &marks.name_end, &marks.close, &marks.key_open, &marks.key_end, &marks.value_open,
        &marks.value_close, &format.wrappers[0].open, &format.wrappers[0].close})
    mark->insert(mark->size() - 1, suffix);
  const std::string think = "<think" + suffix + ">";
  if (!suffix.empty() && (has(chat_template, think) || has_token(think)))
    format.reasoning = {think, "</think" + suffix + ">"};
}

void complete(Format& format, std::string_view chat_template, FunctionRef<bool(std::string_view)> has_token) {
  const bool marks_thoughts_otherwise = has(chat_template, "<think>") && !has(chat_template, "[THINK]");
  if (format.reasoning.open == "[THINK]" && marks_thoughts_otherwise)
    format.reasoning = {"<think>", "</think>"};
  if (format.reasoning.open == "<think>" && !has(chat_template, "<think>") && !has_token("<think>")) {
    if (has(chat_template, "[THINK]") || has_token("[THINK]")) format.reasoning = {"[THINK]", "[/THINK]"};
    if (has(chat_template, "◁think▷")) format.reasoning = {"◁think▷", "◁/think▷"};
  }
  if (format.family == "dsml" && has(chat_template, "tool_calls>") && !has(chat_template, "function_calls>"))
    format.wrappers = {{"<｜DSML｜tool_calls>", "</｜DSML｜tool_calls>"}};
  if (format.family == "hunyuan-v3") add_suffix(format, chat_template, has_token);
  if (format.family == "mistral" && !has(chat_template, "[CALL_ID]")) format.marks.id.clear();
}

}  // namespace

Format format_of(std::string_view chat_template, FunctionRef<bool(std::string_view)> has_token) {
  Format format = format_named(family_of(chat_template, has_token));
  complete(format, chat_template, has_token);
  return format;
}

Format format_of(std::string_view chat_template) {
  return format_of(chat_template, [](std::string_view) { return false; });
}

std::vector<CallMarks> spellings(const CallMarks& marks) {
  if (!marks.open.ends_with('"')) return {marks};
  CallMarks single = marks;
  for (std::string* mark : {&single.open, &single.name_end, &single.number_end, &single.key_open,
                            &single.key_end, &single.type_end})
    std::ranges::replace(*mark, '"', '\'');
  return {marks, single};
}

bool is_mark(const Format& format, std::string_view spelling) {
  const auto is_part_of = [&](std::string_view mark) { return has(mark, spelling); };
  const CallMarks& marks = format.marks;
  for (const std::string* mark :
       {&marks.open, &marks.id, &marks.name_end, &marks.number_end, &marks.close, &marks.key_open,
        &marks.key_end, &marks.type_end, &marks.value_open, &marks.value_close, &format.reasoning.open,
        &format.reasoning.close, &format.code_open, &format.quote})
    if (is_part_of(*mark)) return true;
  if (format.syntax == Syntax::kChannels)
    for (const std::string_view mark :
         {"<|start|>", "<|channel|>", "<|constrain|>", "<|message|>", "<|end|>", "<|call|>", "<|return|>"})
      if (is_part_of(mark)) return true;
  return std::ranges::any_of(format.silent, is_part_of) ||
         std::ranges::any_of(format.wrappers, [&](const Wrapper& wrapper) {
           return is_part_of(wrapper.open) || is_part_of(wrapper.close);
         });
}

Phase phase_at_end(const Format& format, std::string_view prompt) {
  const std::string_view end = without_trailing_spaces(prompt);
  if (format.syntax == Syntax::kChannels) {
    if (!end.ends_with("<|message|>")) return Phase::kHeader;
    const size_t channel = end.rfind("<|channel|>");
    return channel != std::string_view::npos && end.substr(channel).starts_with("<|channel|>analysis")
               ? Phase::kReasoning
               : Phase::kContent;
  }
  if (format.syntax == Syntax::kRecipients)
    return prompt.ends_with(format.marks.open) ? Phase::kHeader : Phase::kContent;
  const std::string& open = format.reasoning.open;
  if (open.empty()) return Phase::kContent;
  const bool budget_is_spent = end.ends_with(open + "<seed:cot_budget_reflect>");
  return end.ends_with(open) || budget_is_spent ? Phase::kReasoning : Phase::kContent;
}

}  // namespace ferrum::tools
