// One function for each family of formats; the wire formats are those of the models' published templates.
#include "base/error.h"
#include "tools/format.h"

namespace ferrum::tools {
namespace {

Reasoning think() { return {"<think>", "</think>"}; }

Format objects(std::string family, std::vector<Wrapper> wrappers) {
  return {.family = std::move(family),
          .syntax = Syntax::kObjects,
          .wrappers = std::move(wrappers),
          .reasoning = think()};
}

Format generic() {
  return objects("generic", {{"<tool_call>", "</tool_call>"}, {"```json", "```"}, {"", ""}});
}

Format hermes() { return objects("hermes", {{"<tool_call>", "</tool_call>"}}); }

Format nemotron() {
  Format format = objects("nemotron", {{"<TOOLCALL>", "</TOOLCALL>"}});
  format.in_list = true;
  return format;
}

Format apriel() {
  Format format = objects("apriel", {{"<tool_calls>", "</tool_calls>"}});
  format.in_list = true;
  format.reasoning = {"Here are my reasoning steps:", "[BEGIN FINAL RESPONSE]"};
  format.silent = {"[BEGIN FINAL RESPONSE]", "[END FINAL RESPONSE]"};
  return format;
}

Format hunyuan() {
  Format format = objects("hunyuan", {{"<tool_calls>", "</tool_calls>"}});
  format.in_list = true;
  format.silent = {"<answer>", "</answer>"};
  return format;
}

Format apertus() {
  Format format = objects("apertus", {{"<|tools_prefix|>", "<|tools_suffix|>"}});
  format.name_key.clear();
  format.in_list = true;
  format.reasoning = {"<|inner_prefix|>", "<|inner_suffix|>", true};
  return format;
}

Format gigachat() {
  Format format = objects("gigachat", {{"function call<|role_sep|>", ""}, {"<|function_call|>", ""}});
  format.silent = {"<|message_sep|>"};
  return format;
}

Format granite() {
  Format format = objects("granite", {{"<|tool_call|>", ""}, {"<tool_call>", "</tool_call>"}});
  format.in_list = true;
  format.silent = {"<response>", "</response>"};
  return format;
}

Format phi() {
  Format format = objects("phi4", {{"<|tool_call|>", "<|/tool_call|>"}, {"functools", ""}});
  format.in_list = true;
  return format;
}

Format functools() {
  Format format = objects("functools", {{"functools", ""}});
  format.in_list = true;
  return format;
}

Format llama4_json() {
  Format format = objects("llama4-json", {{"", ""}, {"<|python_start|>", "<|python_end|>"}});
  format.arguments_key = "parameters";
  return format;
}

Format llama3() {
  Format format = objects("llama3", {{"", ""}, {"<|python_tag|>", ""}});
  format.arguments_key = "parameters";
  format.silent = {"<|eom_id|>"};
  format.parallel = false;
  return format;
}

Format command_r() {
  Format format = objects("command-r", {{"Action: ```json", "```"}, {"Action:```json", "```"}});
  format.name_key = "tool_name";
  format.arguments_key = "parameters";
  format.in_list = true;
  return format;
}

Format command_r7b() {
  Format format = objects("command-r7b", {{"<|START_ACTION|>", "<|END_ACTION|>"}});
  format.name_key = "tool_name";
  format.arguments_key = "parameters";
  format.in_list = true;
  format.reasoning = {"<|START_THINKING|>", "<|END_THINKING|>", true};
  format.silent = {"<|START_RESPONSE|>", "<|END_RESPONSE|>", "<|START_TEXT|>", "<|END_TEXT|>"};
  return format;
}

Format mistral_list() {
  Format format = objects("mistral-list", {{"[TOOL_CALLS]", ""}});
  format.in_list = true;
  format.id_style = IdStyle::kNineCharacters;
  format.id_key = "id";
  format.reasoning = {"[THINK]", "[/THINK]"};
  format.marks = {.open = "[TOOL_CALLS]", .name_end = "[ARGS]"};  // of the newer calls behind the older mark
  format.may_lack_name_end = true;
  return format;
}

Format named(std::string family, CallMarks marks, std::vector<Wrapper> wrappers) {
  return {.family = std::move(family),
          .syntax = Syntax::kNamed,
          .wrappers = std::move(wrappers),
          .marks = std::move(marks),
          .reasoning = think()};
}

Format mistral() {
  Format format = named("mistral", {.open = "[TOOL_CALLS]", .id = "[CALL_ID]", .name_end = "[ARGS]"}, {});
  format.id_style = IdStyle::kNineCharacters;
  format.id_key = "id";  // of the older list behind the newer mark
  format.may_lack_name_end = true;
  format.reasoning = {"[THINK]", "[/THINK]"};
  return format;
}

Format kimi() {
  Format format = named("kimi",
                        {.open = "<|tool_call_begin|>",
                         .name_end = "<|tool_call_argument_begin|>",
                         .close = "<|tool_call_end|>"},
                        {{"<|tool_calls_section_begin|>", "<|tool_calls_section_end|>"}});
  format.name_style = NameStyle::kKimi;
  return format;
}

Format deepseek() {
  return named(
      "deepseek",
      {.open = "<｜tool▁call▁begin｜>", .name_end = "<｜tool▁sep｜>", .close = "<｜tool▁call▁end｜>"},
      {{"<｜tool▁calls▁begin｜>", "<｜tool▁calls▁end｜>"}});
}

Format deepseek_v3() {
  Format format = deepseek();
  format.family = "deepseek-v3";
  format.name_style = NameStyle::kDeepSeek;
  return format;
}

Format functionary_v31() {
  Format format =
      named("functionary-v3.1", {.open = "<function=", .name_end = ">", .close = "</function>"}, {});
  format.code_open = "<|python_tag|>";
  format.silent = {"<|eom_id|>"};
  return format;
}

Format elements(std::string family, CallMarks marks, Wrapper wrapper) {
  return {.family = std::move(family),
          .syntax = Syntax::kElements,
          .wrappers = {std::move(wrapper)},
          .marks = std::move(marks),
          .reasoning = think()};
}

CallMarks function_marks() {
  return {.open = "<function=",
          .name_end = ">",
          .close = "</function>",
          .key_open = "<parameter=",
          .key_end = ">",
          .value_close = "</parameter>"};
}

Format qwen_coder() {
  Format format = elements("qwen3-coder", function_marks(), {"<tool_call>", "</tool_call>"});
  format.lines_around_values = true;
  return format;
}

Format seed_oss() {
  Format format = elements("seed-oss", function_marks(), {"<seed:tool_call>", "</seed:tool_call>"});
  format.reasoning = {"<seed:think>", "</seed:think>", true};
  return format;
}

Format minimax() {
  return elements("minimax",
                  {.open = "<invoke name=\"",
                   .name_end = "\">",
                   .close = "</invoke>",
                   .key_open = "<parameter name=\"",
                   .key_end = "\">",
                   .value_close = "</parameter>"},
                  {"<minimax:tool_call>", "</minimax:tool_call>"});
}

Format dsml() {
  Format format = elements("dsml",
                           {.open = "<｜DSML｜invoke name=\"",
                            .name_end = "\">",
                            .close = "</｜DSML｜invoke>",
                            .key_open = "<｜DSML｜parameter name=\"",
                            .key_end = "\" string=\"",
                            .type_end = "\">",
                            .value_close = "</｜DSML｜parameter>"},
                           {"<｜DSML｜function_calls>", "</｜DSML｜function_calls>"});
  format.type_style = TypeStyle::kIsString;
  return format;
}

Format kimi_k3() {
  Format format = elements("kimi-k3",
                           {.open = "<|open|>call tool=\"",
                            .name_end = "\" index=\"",
                            .number_end = "\"<|sep|>",
                            .close = "<|close|>call<|sep|>",
                            .key_open = "<|open|>argument key=\"",
                            .key_end = "\" type=\"",
                            .type_end = "\"<|sep|>",
                            .value_close = "<|close|>argument<|sep|>"},
                           {"<|open|>tools<|sep|>", "<|close|>tools<|sep|>"});
  format.type_style = TypeStyle::kName;
  format.escapes_names = true;
  format.reasoning = {"<|open|>think<|sep|>", "<|close|>think<|sep|>"};
  format.silent = {"<|open|>response<|sep|>", "<|close|>response<|sep|>", "<|close|>message<|sep|>"};
  return format;
}

Format hunyuan_v3() {
  return elements("hunyuan-v3",
                  {.open = "<tool_call>",
                   .name_end = "<tool_sep>",
                   .close = "</tool_call>",
                   .key_open = "<arg_key>",
                   .key_end = "</arg_key>",
                   .value_open = "<arg_value>",
                   .value_close = "</arg_value>"},
                  {"<tool_calls>", "</tool_calls>"});
}

Format glm() {
  return elements("glm",
                  {.close = "</tool_call>",
                   .key_open = "<arg_key>",
                   .key_end = "</arg_key>",
                   .value_open = "<arg_value>",
                   .value_close = "</arg_value>"},
                  {"<tool_call>", ""});
}

Format gemma() {
  return {.family = "gemma4",
          .syntax = Syntax::kGemma,
          .wrappers = {{"<|tool_call>", "<tool_call|>"}},
          .marks = {.open = "call:"},
          .reasoning = {"<|channel>thought", "<channel|>", true},
          .silent = {"<|tool_response>"},
          .quote = "<|\"|>"};
}

Format function_gemma() {
  return {.family = "functiongemma",
          .syntax = Syntax::kGemma,
          .wrappers = {{"<start_function_call>", "<end_function_call>"}},
          .marks = {.open = "call:"},
          .silent = {"<start_function_response>"},
          .quote = "<escape>"};
}

Format python(std::string family, std::vector<Wrapper> wrappers) {
  return {.family = std::move(family),
          .syntax = Syntax::kPython,
          .wrappers = std::move(wrappers),
          .reasoning = think(),
          .in_list = true};
}

Format lfm2() { return python("lfm2", {{"<|tool_call_start|>", "<|tool_call_end|>"}}); }
Format llama4() { return python("llama4", {{"", ""}, {"<|python_start|>", "<|python_end|>"}}); }
Format olmo3() {
  Format format = python("olmo3", {{"<function_calls>", "</function_calls>"}});
  format.in_list = false;
  return format;
}

Format harmony() { return {.family = "harmony", .syntax = Syntax::kChannels}; }

Format functionary_v3() {
  return {.family = "functionary-v3.2",
          .syntax = Syntax::kRecipients,
          .marks = {.open = ">>>", .name_end = "\n"}};
}

Format functionary_v2() {
  return {.family = "functionary-v2",
          .syntax = Syntax::kRecipients,
          .marks = {.open = "<|from|>assistant\n<|recipient|>", .name_end = "\n<|content|>"},
          .silent = {"<|stop|>"}};
}

using Family = Format (*)();
constexpr Family kFamilies[] = {
    generic,    hermes,      nemotron,       apriel,         granite, phi,      functools,   llama3,
    command_r,  command_r7b, mistral_list,   mistral,        kimi,    deepseek, deepseek_v3, functionary_v31,
    qwen_coder, seed_oss,    minimax,        dsml,           glm,     gemma,    lfm2,        llama4,
    olmo3,      harmony,     functionary_v3, functionary_v2, kimi_k3, hunyuan,  hunyuan_v3,  apertus,
    gigachat,   llama4_json, function_gemma};

}  // namespace

const std::vector<std::string>& family_names() {
  static const std::vector<std::string> kNames = [] {
    std::vector<std::string> names;
    for (const Family family : kFamilies) names.push_back(family().family);
    return names;
  }();
  return kNames;
}

Format format_named(std::string_view family) {
  for (const Family candidate : kFamilies)
    if (Format format = candidate(); format.family == family) return format;
  fail(ErrorCode::kNotFound, "no format of calls is named {}", in_quotes(family));
}

}  // namespace ferrum::tools
