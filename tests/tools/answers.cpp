#include "tools/answers.h"

#include <nlohmann/json.hpp>

namespace ferrum::tools::testing {

const OrderedJson& tools_json() {
  static const OrderedJson kTools = OrderedJson::parse(R"([
    {"type": "function", "function": {"name": "get_weather", "description": "The weather of a city",
      "parameters": {"type": "object", "properties": {
        "city": {"type": "string"}, "days": {"type": "integer"}, "unit": {"enum": ["celsius", "fahrenheit"]}},
        "required": ["city"]}}},
    {"type": "function", "function": {"name": "write_file", "parameters": {"type": "object", "properties": {
        "path": {"type": "string"}, "text": {"type": "string"}}, "required": ["path", "text"]}}},
    {"type": "function", "function": {"name": "search", "parameters": {"type": "object", "properties": {
        "query": {"type": ["string", "number"]}, "filters": {"$ref": "#/$defs/filters"},
        "tags": {"type": "array", "items": {"type": "string"}}, "exact": {"type": "boolean"},
        "limit": {"anyOf": [{"type": "integer"}, {"type": "null"}]}},
        "$defs": {"filters": {"type": "object"}}}}},
    {"type": "function", "function": {"name": "list_all", "description": null}},
    {"type": "function", "function": {"name": "python", "parameters": {"type": "object", "properties": {
        "code": {"type": "string"}}}}}
  ])");
  return kTools;
}

namespace {

constexpr const char* kParis = R"({"city": "Paris"})";
constexpr const char* kRome = R"({"city": "Rome"})";

std::vector<Answer> hermes() {
  return {
      {"one",
       "hermes",
       "<tool_call>\n{\"name\": \"get_weather\", \"arguments\": {\"city\": \"Paris\"}}\n</tool_call>",
       "",
       {{"get_weather", kParis}}},
      {"around",
       "hermes",
       "Let me look.\n<tool_call>\n{\"name\": \"get_weather\", \"arguments\": {\"city\": "
       "\"Paris\"}}\n</tool_call>\nand "
       "then\n<tool_call>\n{\"name\": \"get_weather\", \"arguments\": {\"city\": "
       "\"Rome\"}}\n</tool_call>\nDone.",
       "Let me look.and thenDone.",
       {{"get_weather", kParis}, {"get_weather", kRome}}},
      {"thought",
       "hermes",
       "<think>\nI need <tool_call> for this.\n</think>\n\n<tool_call>\n{\"name\": \"list_all\", "
       "\"arguments\": "
       "{}}\n</tool_call>",
       "",
       {{"list_all", "{}"}},
       "I need <tool_call> for this."},
      {"opened_thought", "hermes", "Hm.\n</think>\n\nIt is 5.", "It is 5.", {}, "Hm.", Phase::kReasoning},
      {"thought_cut_by_call",
       "hermes",
       "I look it up.\n<tool_call>\n{\"name\": \"get_weather\", \"arguments\": {\"city\": "
       "\"Paris\"}}\n</tool_call>\n</think>",
       "",
       {{"get_weather", kParis}},
       "I look it up.",
       Phase::kReasoning},
      {"example_in_thought",
       "hermes",
       "Format: <tool_call>{\"name\": \"function-name\", \"arguments\": {}}</tool_call> ok</think>Yes.",
       "Yes.",
       {},
       "Format: <tool_call>{\"name\": \"function-name\", \"arguments\": {}}</tool_call> ok",
       Phase::kReasoning},
      {"end_tag_in_string",
       "hermes",
       "<tool_call>\n{\"name\": \"write_file\", \"arguments\": {\"path\": \"a.md\", \"text\": "
       "\"</tool_call>\\n<tool_call>{"
       "\\\"name\\\": \\\"x\\\"}\"}}\n</tool_call>",
       "",
       {{"write_file", R"({"path": "a.md", "text": "</tool_call>\n<tool_call>{\"name\": \"x\"}"})"}}},
      {"nested_and_unicode",
       "hermes",
       "<tool_call>{\"name\": \"search\", \"arguments\": {\"query\": \"é 😀 \\u00e9 \\\"q\\\" \\\\\", "
       "\"filters\": {\"a\": "
       "[1, {\"b\": null}], \"c\": -1.5e3}}}</tool_call>",
       "",
       {{"search", R"({"query": "é 😀 é \"q\" \\", "filters": {"a": [1, {"b": null}], "c": -1.5e3}})"}}},
      {"arguments_first",
       "hermes",
       "<tool_call>{\"arguments\": {\"city\": \"Paris\"}, \"name\": \"get_weather\"}</tool_call>",
       "",
       {{"get_weather", kParis}}},
      {"arguments_in_string",
       "hermes",
       R"(<tool_call>{"name": "get_weather", "arguments": "{\"city\": \"Paris\"}"}</tool_call>)",
       "",
       {{"get_weather", kParis}}},
      {"own_id",
       "hermes",
       R"(<tool_call>{"id": "abc", "name": "list_all"}</tool_call>)",
       "",
       {{"list_all", "{}", "abc"}}},
      {"line_break_in_string",
       "hermes",
       "<tool_call>{\"name\": \"write_file\", \"arguments\": {\"path\": \"a\", \"text\": "
       "\"x\ny\"}}</tool_call>",
       "",
       {{"write_file", R"({"path": "a", "text": "x\ny"})"}}},
      {"two_in_one_block",
       "hermes",
       "<tool_call>\n{\"name\": \"get_weather\", \"arguments\": {\"city\": \"Paris\"}}\n{\"name\": "
       "\"list_all\", "
       "\"arguments\": {}}\n</tool_call>",
       "",
       {{"get_weather", kParis}, {"list_all", "{}"}}},
      {"list",
       "hermes",
       "<tool_call>[{\"name\": \"get_weather\", \"arguments\": {\"city\": \"Paris\"}}, {\"name\": "
       "\"list_all\", \"arguments\": "
       "{}}]</tool_call>",
       "",
       {{"get_weather", kParis}, {"list_all", "{}"}}},
      {"unknown_name",
       "hermes",
       R"(<tool_call>{"name": "other", "arguments": {"a": 1}}</tool_call>)",
       "",
       {{"other", R"({"a": 1})"}}},
      {"no_call",
       "hermes",
       "<tool_call>\n{\"city\": \"Paris\"}\n</tool_call> so",
       "<tool_call>\n{\"city\": \"Paris\"}\n</tool_call> so",
       {}},
      {"no_json",
       "hermes",
       "Write <tool_call> and </tool_call>.\n",
       "Write <tool_call> and </tool_call>.\n",
       {}},
      {"other_json",
       "hermes",
       R"({"name": "get_weather", "arguments": {}})",
       R"({"name": "get_weather", "arguments": {}})",
       {}},
      {"unfinished",
       "hermes",
       R"(<tool_call>{"name": "get_weather", "arguments": {"city": "Pa)",
       "",
       {{"get_weather", R"({"city": "Pa)", "", false}}},
      {"unfinished_name",
       "hermes",
       R"(Well. <tool_call>{"name": "get_w)",
       R"(Well. <tool_call>{"name": "get_w)",
       {}},
      {"broken_arguments",
       "hermes",
       R"(<tool_call>{"name": "get_weather", "arguments": {"city": nope}}</tool_call>)",
       "nope}}</tool_call>",
       {{"get_weather", R"({"city": )", "", false}}},
      {"broken_then_sound",
       "hermes",
       "<tool_call>{oops</tool_call>\n<tool_call>{\"name\": \"list_all\", \"arguments\": {}}</tool_call>",
       "<tool_call>{oops</tool_call>",
       {{"list_all", "{}"}}},
      {"late_think_is_text", "hermes", "The tag <think> opens it.", "The tag <think> opens it.", {}},
  };
}

std::vector<Answer> other_objects() {
  return {
      {"list",
       "nemotron",
       "<TOOLCALL>[{\"name\": \"get_weather\", \"arguments\": {\"city\": \"Paris\"}}, {\"name\": "
       "\"get_weather\", "
       "\"arguments\": {\"city\": \"Rome\"}}]</TOOLCALL>",
       "",
       {{"get_weather", kParis}, {"get_weather", kRome}},
       "",
       Phase::kContent},
      {"thought",
       "nemotron",
       "I see.\n</think>\n\n<TOOLCALL>[{\"name\": \"list_all\", \"arguments\": {}}]</TOOLCALL>\n",
       "",
       {{"list_all", "{}"}},
       "I see.",
       Phase::kReasoning},
      {"empty_list", "nemotron", "<TOOLCALL>[]</TOOLCALL>", "<TOOLCALL>[]</TOOLCALL>", {}},
      {"list",
       "apriel",
       "<tool_calls>[{\"name\": \"get_weather\", \"arguments\": {\"city\": \"Paris\"}, \"id\": "
       "\"1\"}]</tool_calls>",
       "",
       {{"get_weather", kParis}}},
      {"list",
       "granite",
       "<|tool_call|>[{\"name\": \"get_weather\", \"arguments\": {\"city\": \"Paris\"}}]",
       "",
       {{"get_weather", kParis}}},
      {"response", "granite", "<think>a</think><response>b</response>", "b", {}, "a"},
      {"object",
       "phi4",
       R"(<|tool_call|>{"name": "get_weather", "arguments": {"city": "Paris"}}<|/tool_call|>)",
       "",
       {{"get_weather", kParis}}},
      {"functools",
       "phi4",
       R"(functools[{"name": "get_weather", "arguments": {"city": "Paris"}}])",
       "",
       {{"get_weather", kParis}}},
      {"list",
       "functools",
       " functools[{\"name\": \"get_weather\", \"arguments\": {\"city\": \"Paris\"}}, {\"name\": "
       "\"list_all\", \"arguments\": "
       "{}}]",
       "",
       {{"get_weather", kParis}, {"list_all", "{}"}}},
      {"prose", "functools", "Import functools first.", "Import functools first.", {}},
      {"bare",
       "llama3",
       R"({"name": "get_weather", "parameters": {"city": "Paris"}})",
       "",
       {{"get_weather", kParis}}},
      {"typed",
       "llama3",
       R"({"type": "function", "name": "get_weather", "parameters": {"city": "Paris"}})",
       "",
       {{"get_weather", kParis}}},
      {"two",
       "llama3",
       R"({"name": "get_weather", "parameters": {"city": "Paris"}}; {"name": "get_weather", "parameters": {"city": "Rome"}})",
       "",
       {{"get_weather", kParis}, {"get_weather", kRome}}},
      {"tagged",
       "llama3",
       R"(<|python_tag|>{"name": "get_weather", "parameters": {"city": "Paris"}}<|eom_id|>)",
       "",
       {{"get_weather", kParis}}},
      {"built_in",
       "llama3",
       R"(<|python_tag|>search.call(query="rain in \"Paris\""))",
       "",
       {{"search", R"({"query": "rain in \"Paris\""})"}}},
      {"code",
       "llama3",
       "<|python_tag|>x = 1\nprint(\"{x}\")<|eom_id|>",
       "",
       {{"python", R"j({"code": "x = 1\nprint(\"{x}\")"})j"}}},
      {"other_name_is_text",
       "llama3",
       R"({"name": "Bob", "parameters": {"age": 5}})",
       R"({"name": "Bob", "parameters": {"age": 5}})",
       {}},
      {"other_json",
       "llama3",
       R"({"a": [1, 2], "name": "get_weather"})",
       R"({"a": [1, 2], "name": "get_weather"})",
       {}},
      {"list",
       "command-r",
       "Action: ```json\n[\n    {\n        \"tool_name\": \"get_weather\",\n        \"parameters\": {\n      "
       "      \"city\": "
       "\"Paris\"\n        }\n    }\n]```",
       "",
       {{"get_weather", kParis}}},
      {"direct",
       "command-r",
       "Action: ```json\n[{\"tool_name\": \"directly_answer\", \"parameters\": {}}]```",
       "",
       {}},
      {"plan",
       "command-r7b",
       "<|START_THINKING|>I will look.<|END_THINKING|><|START_ACTION|>[\n    {\"tool_call_id\": \"0\", "
       "\"tool_name\": "
       "\"get_weather\", \"parameters\": {\"city\": \"Paris\"}},\n    {\"tool_call_id\": \"1\", "
       "\"tool_name\": "
       "\"get_weather\", \"parameters\": {\"city\": \"Rome\"}}\n]<|END_ACTION|>",
       "",
       {{"get_weather", kParis, "0"}, {"get_weather", kRome, "1"}},
       "I will look."},
      {"response", "command-r7b", "<|START_RESPONSE|>Hello.<|END_RESPONSE|>", "Hello.", {}},
      {"fence",
       "generic",
       "```json\n{\"name\": \"get_weather\", \"arguments\": {\"city\": \"Paris\"}}\n```",
       "",
       {{"get_weather", kParis}}},
      {"bare",
       "generic",
       R"({"name": "get_weather", "arguments": {"city": "Paris"}})",
       "",
       {{"get_weather", kParis}}},
      {"bare_list",
       "generic",
       R"([{"name": "get_weather", "arguments": {"city": "Paris"}}, {"name": "list_all", "arguments": {}}])",
       "",
       {{"get_weather", kParis}, {"list_all", "{}"}}},
      {"openai",
       "generic",
       R"(<tool_call>{"type": "function", "function": {"name": "get_weather", "arguments": {"city": "Paris"}}}</tool_call>)",
       "",
       {{"get_weather", kParis}}},
      {"openai_bare",
       "generic",
       "{\"type\": \"function\", \"function\": {\"name\": \"list_all\", \"arguments\": {}} } so",
       "so",
       {{"list_all", "{}"}}},
      {"other_fence", "generic", "```json\n{\"a\": 1}\n```\n[1, 2]", "```json\n{\"a\": 1}\n```\n[1, 2]", {}},
      {"list",
       "mistral-list",
       R"([TOOL_CALLS] [{"name": "get_weather", "arguments": {"city": "Paris"}, "id": "abcdefghi"}])",
       "",
       {{"get_weather", kParis, "abcdefghi"}}},
      {"no_id",
       "mistral-list",
       R"(Now. [TOOL_CALLS][{"name": "get_weather", "arguments": {"city": "Paris"}}])",
       "Now.",
       {{"get_weather", kParis}}},
      {"brackets",
       "mistral-list",
       "A list: [1, 2] and [TOOL_CALLS] too.",
       "A list: [1, 2] and [TOOL_CALLS] too.",
       {}},
  };
}

std::vector<Answer> named() {
  return {
      {"two",
       "mistral",
       R"([TOOL_CALLS]get_weather[ARGS]{"city": "Paris"}[TOOL_CALLS]get_weather[ARGS]{"city": "Rome"})",
       "",
       {{"get_weather", kParis}, {"get_weather", kRome}}},
      {"id",
       "mistral",
       R"([TOOL_CALLS]get_weather[CALL_ID]a1b2c3d4e[ARGS]{"city": "Paris"})",
       "",
       {{"get_weather", kParis, "a1b2c3d4e"}}},
      {"thought",
       "mistral",
       R"([THINK]Hm.[/THINK]Yes.[TOOL_CALLS]list_all[ARGS]{})",
       "Yes.",
       {{"list_all", "{}"}},
       "Hm."},
      {"older_list",
       "mistral",
       R"([TOOL_CALLS][{"name": "get_weather", "arguments": {"city": "Paris"}}])",
       "",
       {{"get_weather", kParis}}},
      {"two",
       "kimi",
       "I "
       "look.<|tool_calls_section_begin|><|tool_call_begin|>functions.get_weather:0<|tool_call_argument_"
       "begin|>{\"city\": "
       "\"Paris\"}<|tool_call_end|><|tool_call_begin|>functions.get_weather:1<|tool_call_argument_begin|>"
       "{\"city\": "
       "\"Rome\"}<|tool_call_end|><|tool_calls_section_end|>",
       "I look.",
       {{"get_weather", kParis, "functions.get_weather:0"},
        {"get_weather", kRome, "functions.get_weather:1"}}},
      {"no_section",
       "kimi",
       "<|tool_call_begin|>get_weather:4<|tool_call_argument_begin|>{\"city\": "
       "\"Paris\"}<|tool_call_end|>",
       "",
       {{"get_weather", kParis, "get_weather:4"}}},
      {"two",
       "deepseek",
       "<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>get_weather<｜tool▁sep｜>{\"city\": "
       "\"Paris\"}<｜tool▁call▁end｜><｜tool▁call▁begin｜>get_weather<｜tool▁sep｜>{\"city\": "
       "\"Rome\"}<｜tool▁call▁end｜><｜tool▁calls▁end｜>",
       "",
       {{"get_weather", kParis}, {"get_weather", kRome}}},
      {"two",
       "deepseek-v3",
       "So.</"
       "think><｜tool▁calls▁begin｜><｜tool▁call▁begin｜>function<｜tool▁sep｜>get_weather\n```json\n{"
       "\"city\": "
       "\"Paris\"}\n```<｜tool▁call▁end｜>\n<｜tool▁call▁begin｜>function<｜tool▁sep｜>get_weather\n```"
       "json\n{\"city\": "
       "\"Rome\"}\n```<｜tool▁call▁end｜><｜tool▁calls▁end｜>",
       "",
       {{"get_weather", kParis}, {"get_weather", kRome}},
       "So.",
       Phase::kReasoning},
      {"mark_in_string",
       "deepseek",
       "<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>write_file<｜tool▁sep｜>{\"path\": \"a\", \"text\": "
       "\"<｜tool▁call▁end｜>\"}<｜tool▁call▁end｜><｜tool▁calls▁end｜>",
       "",
       {{"write_file", R"({"path": "a", "text": "<｜tool▁call▁end｜>"})"}}},
      {"one",
       "functionary-v3.1",
       R"(<function=get_weather>{"city": "Paris"}</function>)",
       "",
       {{"get_weather", kParis}}},
  };
}

std::vector<Answer> elements() {
  return {
      {"one",
       "qwen3-coder",
       "I "
       "look.\n\n<tool_call>\n<function=get_weather>\n<parameter=city>\nParis\n</"
       "parameter>\n<parameter=days>\n3\n</"
       "parameter>\n</function>\n</tool_call>",
       "I look.",
       {{"get_weather", R"({"city": "Paris", "days": 3})"}}},
      {"two",
       "qwen3-coder",
       "<tool_call>\n<function=list_all>\n</function>\n</"
       "tool_call>\n<tool_call>\n<function=get_weather>\n<parameter=city>\n"
       "Rome\n</parameter>\n</function>\n</tool_call>\nDone",
       "Done",
       {{"list_all", "{}"}, {"get_weather", kRome}}},
      {"tags_in_value",
       "qwen3-coder",
       "<tool_call>\n<function=write_file>\n<parameter=path>\na.py\n</parameter>\n<parameter=text>\nx = "
       "\"</parameter>\"\n</parameter>\ny = '</tool_call>' # "
       "</function>\n\n</parameter>\n</function>\n</tool_call>",
       "",
       {{"write_file",
         R"({"path": "a.py", "text": "x = \"</parameter>\"\n</parameter>\ny = '</tool_call>' # </function>\n"})"}}},
      {"types",
       "qwen3-coder",
       "<tool_call>\n<function=search>\n<parameter=query>\n02134\n</"
       "parameter>\n<parameter=filters>\n{\"a\": [1, "
       "\"<b>\"]}\n</parameter>\n<parameter=tags>\n['x', "
       "'y']\n</parameter>\n<parameter=exact>\nTrue\n</parameter>\n<parameter="
       "limit>\nnull\n</parameter>\n<parameter=more>\n1.5\n</parameter>\n<parameter=word>\nhello "
       "there\n</parameter>\n</function>\n</tool_call>",
       "",
       {{"search",
         R"({"query": "02134", "filters": {"a": [1, "<b>"]}, "tags": ["x", "y"], "exact": true, "limit": null, "more": 1.5, "word": "hello there"})"}}},
      {"string_stays",
       "qwen3-coder",
       "<tool_call>\n<function=get_weather>\n<parameter=city>\n123\n</parameter>\n</function>\n</"
       "tool_call>",
       "",
       {{"get_weather", R"({"city": "123"})"}}},
      {"no_block",
       "qwen3-coder",
       "<function=get_weather>\n<parameter=city>\nParis\n</parameter>\n</function>\n</tool_call>",
       "</tool_call>",
       {{"get_weather", kParis}}},
      {"no_end_of_function",
       "qwen3-coder",
       "<tool_call>\n<function=get_weather>\n<parameter=city>\nParis\n</parameter>\n</tool_call>",
       "",
       {{"get_weather", kParis}}},
      {"cut_thought",
       "qwen3-coder",
       "Use "
       "it\n<tool_call>\n<function=get_weather>\n<parameter=city>\nParis\n</parameter>\n</function>\n</"
       "tool_call>",
       "",
       {{"get_weather", kParis}},
       "Use it",
       Phase::kReasoning},
      {"unfinished",
       "qwen3-coder",
       "<tool_call>\n<function=write_file>\n<parameter=path>\na\n</parameter>\n<parameter=text>\nb\nc",
       "",
       {{"write_file", R"({"path": "a", "text": "b\nc)", "", false}}},
      {"no_call",
       "qwen3-coder",
       "<tool_call>\nnothing\n</tool_call>",
       "<tool_call>\nnothing\n</tool_call>",
       {}},
      {"one",
       "seed-oss",
       "<seed:think>Hm.</seed:think>\n<seed:tool_call>\n<function=get_weather>\n<parameter=city>Paris</"
       "parameter>\n<parameter="
       "days>2</parameter>\n</function>\n</seed:tool_call>",
       "",
       {{"get_weather", R"({"city": "Paris", "days": 2})"}},
       "Hm."},
      {"two",
       "minimax",
       "Hm.\n</think>\n\n<minimax:tool_call>\n<invoke name=\"get_weather\">\n<parameter "
       "name=\"city\">Paris</parameter>\n</invoke>\n<invoke name=\"search\">\n<parameter "
       "name=\"tags\">[\"a\"]</parameter>\n"
       "</invoke>\n</minimax:tool_call>",
       "",
       {{"get_weather", kParis}, {"search", R"({"tags": ["a"]})"}},
       "Hm.",
       Phase::kReasoning},
      {"two",
       "dsml",
       "<｜DSML｜function_calls>\n<｜DSML｜invoke name=\"get_weather\">\n<｜DSML｜parameter "
       "name=\"city\" "
       "string=\"true\">Paris</｜DSML｜parameter>\n<｜DSML｜parameter name=\"days\" "
       "string=\"false\">3</｜DSML｜parameter>\n</｜DSML｜invoke>\n<｜DSML｜invoke "
       "name=\"list_all\">\n</｜DSML｜invoke>\n</｜DSML｜function_calls>",
       "",
       {{"get_weather", R"({"city": "Paris", "days": 3})"}, {"list_all", "{}"}}},
      {"two",
       "glm",
       "<think>Hm.</think>\n<tool_call>get_weather\n<arg_key>city</arg_key>\n<arg_value>Paris</"
       "arg_value>\n<arg_key>days</"
       "arg_key>\n<arg_value>3</arg_value>\n</tool_call>\n<tool_call>list_all</tool_call>",
       "",
       {{"get_weather", R"({"city": "Paris", "days": 3})"}, {"list_all", "{}"}},
       "Hm."},
      {"tag_in_value",
       "glm",
       "<tool_call>write_file<arg_key>path</arg_key><arg_value>a</arg_value><arg_key>text</"
       "arg_key><arg_value> </arg_value> "
       "\n</arg_value></tool_call>",
       "",
       {{"write_file", R"({"path": "a", "text": " </arg_value> \n"})"}}},
      {"prose", "glm", "The tag <tool_call> opens a call.", "The tag <tool_call> opens a call.", {}},
  };
}

std::vector<Answer> newer_families() {
  const std::string open = "<|open|>", close = "<|close|>", sep = "<|sep|>";
  const std::string k3_call = open + "call tool=\"get_weather\" index=\"1\"" + sep + open +
                              "argument key=\"city\" type=\"string\"" + sep + "Paris" + close + "argument" +
                              sep + open + "argument key=\"days\" type=\"number\"" + sep + "3" + close +
                              "argument" + sep + close + "call" + sep;
  const std::string k3_file = open + "call tool=\"write_file\" index=\"2\"" + sep + open +
                              "argument key=\"path\" type=\"string\"" + sep + "a<|close|>argument" + close +
                              "argument" + sep + open + "argument key=\"text\" type=\"string\"" + sep +
                              "1\n\"2\"" + close + "argument" + sep + close + "call" + sep;
  return {
      {"calls",
       "kimi-k3",
       "Hm." + close + "think" + sep + open + "response" + sep + "I look." + close + "response" + sep + open +
           "tools" + sep + k3_call + k3_file + close + "tools" + sep + close + "message" + sep,
       "I look.",
       {{"get_weather", R"({"city": "Paris", "days": 3})"},
        {"write_file", R"({"path": "a<|close|>argument", "text": "1\n\"2\""})"}},
       "Hm.",
       Phase::kReasoning},
      {"answer",
       "kimi-k3",
       open + "response" + sep + "It is <|open|>." + close + "response" + sep + close + "message" + sep,
       "It is <|open|>.",
       {}},
      {"no_arguments",
       "kimi-k3",
       open + "tools" + sep + open + "call tool=\"list_all\" index=\"1\"" + sep + close + "call" + sep +
           close + "tools" + sep,
       "",
       {{"list_all", "{}"}}},
      {"escaped_names",
       "kimi-k3",
       open + "tools" + sep + open + "call tool=\"a&quot;b&amp;c\" index=\"1\"" + sep + open +
           "argument key=\"x&amp;y\" type=\"boolean\"" + sep + "true" + close + "argument" + sep + close +
           "call" + sep + close + "tools" + sep,
       "",
       {{"a\"b&c", R"({"x&y": true})"}}},
      {"list",
       "hunyuan",
       "<think>\nHm.\n</think>\n<answer>\nI look.</answer><tool_calls>[{\"name\": \"get_weather\", "
       "\"arguments\": "
       "{\"city\": \"Paris\"}}, {\"name\": \"list_all\", \"arguments\": {}}]</tool_calls>",
       "I look.",
       {{"get_weather", kParis}, {"list_all", "{}"}},
       "Hm."},
      {"calls",
       "hunyuan-v3",
       "Hm.</think><tool_calls>\n<tool_call>get_weather<tool_sep>\n<arg_key>city</arg_key>\n<arg_value>Paris"
       "</arg_value>\n<arg_key>days</arg_key>\n<arg_value>2</arg_value>\n</tool_call>\n<tool_call>list_all"
       "<tool_sep></tool_call></tool_calls>",
       "",
       {{"get_weather", R"({"city": "Paris", "days": 2})"}, {"list_all", "{}"}},
       "Hm.",
       Phase::kReasoning},
      {"closing_tag_in_value",
       "hunyuan-v3",
       "<tool_calls><tool_call>write_file<tool_sep><arg_key>path</arg_key><arg_value>a</"
       "arg_value><arg_key>text"
       "</arg_key><arg_value></arg_value> </tool_call> x</arg_value></tool_call></tool_calls>",
       "",
       {{"write_file", R"({"path": "a", "text": "</arg_value> </tool_call> x"})"}}},
      {"list",
       "apertus",
       "<|inner_prefix|>Hm.<|inner_suffix|>I look.<|tools_prefix|>[{\"get_weather\": {\"city\": \"Paris\"}}, "
       "{\"list_all\": {}}]<|tools_suffix|>",
       "I look.",
       {{"get_weather", kParis}, {"list_all", "{}"}},
       "Hm."},
      {"call_within_a_thought",
       "apertus",
       "<|inner_prefix|>I look it up. <|tools_prefix|>[{\"get_weather\": {\"city\": "
       "\"Paris\"}}]<|tools_suffix|>",
       "",
       {{"get_weather", kParis}},
       "I look it up."},
      {"call",
       "gigachat",
       "I look.<|message_sep|>\n\nfunction call<|role_sep|>\n{\"name\": \"get_weather\", \"arguments\": "
       "{\"city\": "
       "\"Paris\"}}<|message_sep|>\n\n",
       "I look.",
       {{"get_weather", kParis}}},
      {"newer_mark",
       "gigachat",
       "<|function_call|>{\"name\": \"get_weather\", \"arguments\": {\"city\": \"Paris\"}}",
       "",
       {{"get_weather", kParis}}},
      {"words", "gigachat", "A function call{\"x\": 1} is text.", "A function call{\"x\": 1} is text.", {}},
  };
}

std::vector<Answer> literals_and_messages() {
  return {
      {"one",
       "gemma4",
       "<|channel>thought\nHm.<channel|><|tool_call>call:search{query:<|\"|>a \"b\", {c} "
       "<d><|\"|>,filters:{deep:{x:[1,2.5,true,null]}},tags:[<|\"|>t<|\"|>],exact:false}<tool_call|>",
       "",
       {{"search",
         R"({"query": "a \"b\", {c} <d>", "filters": {"deep": {"x": [1, 2.5, true, null]}}, "tags": ["t"], "exact": false})"}},
       "Hm."},
      {"two",
       "gemma4",
       "I "
       "look.<|tool_call>call:get_weather{city:<|\"|>Paris<|\"|>}<tool_call|><|tool_call>call:list_all{"
       "}<tool_call|>",
       "I look.",
       {{"get_weather", kParis}, {"list_all", "{}"}}},
      {"mark_in_string",
       "gemma4",
       "<|tool_call>call:write_file{path:<|\"|>a<|\"|>,text:<|\"|>the <|\"|> mark<|\"|>}<tool_call|>",
       "",
       {{"write_file", R"({"path": "a", "text": "the <|\"|> mark"})"}}},
      {"two",
       "lfm2",
       "<|tool_call_start|>[get_weather(city='Paris', days=2), search(query=\"a, (b)\", exact=True, "
       "limit=None, "
       "tags=['x', \"y\"], filters={'k': 1})]<|tool_call_end|>Wait.",
       "Wait.",
       {{"get_weather", R"({"city": "Paris", "days": 2})"},
        {"search",
         R"j({"query": "a, (b)", "exact": true, "limit": null, "tags": ["x", "y"], "filters": {"k": 1}})j"}}},
      {"json",
       "lfm2",
       R"(<|tool_call_start|>[{"name": "get_weather", "arguments": {"city": "Paris"}}]<|tool_call_end|>)",
       "",
       {{"get_weather", kParis}}},
      {"quotes",
       "lfm2",
       "<|tool_call_start|>[write_file(path='a', text='it's \\n \\'x\\' \\x41')]<|tool_call_end|>",
       "",
       {{"write_file", R"({"path": "a", "text": "it's \n 'x' A"})"}}},
      {"place",
       "llama4",
       "[get_weather('Paris'), list_all()]",
       "",
       {{"get_weather", kParis}, {"list_all", "{}"}}},
      {"marked",
       "llama4",
       "<|python_start|>[get_weather(city=\"Paris\")]<|python_end|>",
       "",
       {{"get_weather", kParis}}},
      {"prose", "llama4", "See [1] and [other(x)].", "See [1] and [other(x)].", {}},
      {"lines",
       "olmo3",
       "<function_calls>\nget_weather(city=\"Paris\")\nlist_all()\n</function_calls>",
       "",
       {{"get_weather", kParis}, {"list_all", "{}"}}},
      {"call",
       "harmony",
       "<|channel|>analysis<|message|>Need weather.<|end|><|start|>assistant<|channel|>commentary "
       "to=functions.get_weather "
       "<|constrain|>json<|message|>{\"city\": \"Paris\"}<|call|>",
       "",
       {{"get_weather", kParis}},
       "Need weather.",
       Phase::kHeader},
      {"preamble",
       "harmony",
       "<|channel|>commentary<|message|>I look.<|end|><|start|>assistant "
       "to=functions.write_file<|channel|>commentary "
       "json<|message|>{\"path\": \"a\", \"text\": \"<|call|>\"}<|call|>",
       "I look.",
       {{"write_file", R"({"path": "a", "text": "<|call|>"})"}},
       "",
       Phase::kHeader},
      {"final",
       "harmony",
       "<|channel|>analysis<|message|>Hm.<|end|><|start|>assistant<|channel|>final<|message|>Yes.<|return|>",
       "Yes.",
       {},
       "Hm.",
       Phase::kHeader},
      {"built_in",
       "harmony",
       "<|channel|>analysis to=python code<|message|>print(\"1\")<|call|>",
       "",
       {{"python", R"j({"code": "print(\"1\")"})j"}},
       "",
       Phase::kHeader},
      {"recipient_behind_its_channel",
       "harmony",
       "<|channel|>analysis<|message|>Hm.<|end|><|start|>assistant<|channel|>commentary "
       "to=functions.get_weather "
       "<|constrain|>json<|message|>{\"city\": \"Paris\"}<|call|>",
       "",
       {{"get_weather", kParis}},
       "Hm.",
       Phase::kHeader},
      {"recipient_before_its_channel",
       "harmony",
       " to=browser.search<|channel|>analysis<|message|>{\"query\": \"é\"}<|call|>",
       "",
       {{"browser.search", R"({"query": "é"})"}},
       "",
       Phase::kHeader},
      {"no_header", "harmony", "Just text.", "Just text.", {}, "", Phase::kHeader},
      {"content", "functionary-v3.2", "all\nHello.\n>>> x = 1", "Hello.\n>>> x = 1", {}, "", Phase::kHeader},
      {"two",
       "functionary-v3.2",
       "all\nI look.\n>>>get_weather\n{\"city\": \"Paris\"}>>>list_all\n{}",
       "I look.",
       {{"get_weather", kParis}, {"list_all", "{}"}},
       "",
       Phase::kHeader},
      {"one",
       "functionary-v2",
       "get_weather\n<|content|>{\"city\": \"Paris\"}<|stop|>",
       "",
       {{"get_weather", kParis}},
       "",
       Phase::kHeader},
      {"two",
       "functionary-v2",
       "all\n<|content|>I look.\n<|from|>assistant\n<|recipient|>get_weather\n<|content|>{\"city\": "
       "\"Paris\"}<|stop|>",
       "I look.",
       {{"get_weather", kParis}},
       "",
       Phase::kHeader},
  };
}

}  // namespace

const std::vector<Answer>& answers() {
  static const std::vector<Answer> kAnswers = [] {
    std::vector<Answer> all;
    for (const auto& part :
         {hermes(), other_objects(), named(), elements(), newer_families(), literals_and_messages()})
      all.insert(all.end(), part.begin(), part.end());
    return all;
  }();
  return kAnswers;
}

}  // namespace ferrum::tools::testing
