// Calls as elements, literals of languages, and messages.
#include "tools/answers.h"

namespace ferrum::tools::testing {
namespace {

constexpr const char* kParis = R"({"city": "Paris"})";
constexpr const char* kRome = R"({"city": "Rome"})";

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
      {"name_that_breaks_off",
       "dsml",
       "<｜DSML｜function_calls>\n<｜DSML｜invoke name=\"get_weather\">\n<｜DSML｜parameter name=\"ci ty",
       "<｜DSML｜parameter name=\"ci ty",
       {{"get_weather", "{", "", false}}},
      {"type_that_is_none",
       "dsml",
       "<｜DSML｜function_calls>\n<｜DSML｜invoke name=\"get_weather\">\n<｜DSML｜parameter name=\"city\" "
       "string=\"perhaps\">Paris",
       "<｜DSML｜parameter name=\"city\" string=\"perhaps\">Paris",
       {{"get_weather", "{", "", false}}},
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
      {"quotes_a_whole_call",
       "qwen3-coder",
       "<tool_call>\n<function=write_file>\n<parameter=path>\na.md\n</parameter>\n<parameter=text>\nWrite:\n"
       "<tool_call>\n<function=f>\n<parameter=x>\n1\n</parameter>\n</function>\n</tool_call>\nThat is all.\n"
       "</parameter>\n</function>\n</tool_call>",
       "",
       {{"write_file",
         R"({"path": "a.md", "text": "Write:\n<tool_call>\n<function=f>\n<parameter=x>\n1\n</parameter>\n</function>\n</tool_call>\nThat is all."})"}}},
      {"quotes_ends_of_calls",
       "qwen3-coder",
       "<tool_call>\n<function=write_file>\n<parameter=path>\na\n</parameter>\n<parameter=text>\n"
       "</parameter>\n</function>\n</tool_call> and </parameter></tool_call>, </parameter> "
       "too\n</parameter>\n"
       "</function>\n</tool_call>\nDone </parameter>, <b>all</b>.",
       "Done </parameter>, <b>all</b>.",
       {{"write_file",
         R"({"path": "a", "text": "</parameter>\n</function>\n</tool_call> and </parameter></tool_call>, </parameter> too"})"}}},
      {"quotes_an_end_before_what_must_come",
       "qwen3-coder",
       "<tool_call>\n<function=write_file>\n<parameter=text>\na </parameter></function></tool_call> b\n"
       "</parameter>\n<parameter=path>\np\n</parameter>\n</function>\n</tool_call>",
       "",
       {{"write_file", R"({"text": "a </parameter></function></tool_call> b", "path": "p"})"}}},
      {"text_between",
       "qwen3-coder",
       "<tool_call>\n<function=write_file>\n<parameter=path>\na\n</parameter>\n<parameter=text>\nb\n</"
       "parameter>\n"
       "</function>\n</tool_call>\nNow <the> "
       "other:\n<tool_call>\n<function=write_file>\n<parameter=path>\nc\n"
       "</parameter>\n<parameter=text>\nd\n</parameter>\n</function>\n</tool_call>\nDone.",
       "Now <the> other:\nDone.",
       {{"write_file", R"({"path": "a", "text": "b"})"}, {"write_file", R"({"path": "c", "text": "d"})"}}},
      {"a_number_quotes_nothing",
       "qwen3-coder",
       "<tool_call>\n<function=get_weather>\n<parameter=city>\nParis\n</parameter>\n<parameter=days>\n3\n"
       "</parameter>\n</function>\n</tool_call>\nNot </parameter></function></tool_call> again.",
       "Not </parameter></function></tool_call> again.",
       {{"get_weather", R"({"city": "Paris", "days": 3})"}}},
      {"quotes_a_whole_call",
       "glm",
       "<tool_call>write_file\n<arg_key>path</arg_key>\n<arg_value>a</arg_value>\n<arg_key>text</arg_key>\n"
       "<arg_value>So:\n<tool_call>f\n<arg_key>x</arg_key>\n<arg_value>1</arg_value>\n</tool_call>\nand on."
       "</arg_value>\n</tool_call>",
       "",
       {{"write_file",
         R"({"path": "a", "text": "So:\n<tool_call>f\n<arg_key>x</arg_key>\n<arg_value>1</arg_value>\n</tool_call>\nand on."})"}}},
      {"single_quotes",
       "minimax",
       "<minimax:tool_call>\n<invoke name='get_weather'>\n<parameter "
       "name='city'>Paris</parameter>\n<parameter "
       "name=\"days\">2</parameter>\n</invoke>\n<invoke name=\"search\">\n<parameter name='tags'>['a', "
       "'it\\'s']</parameter>\n<parameter name='filters'>{'k': 'v', 'n': "
       "None}</parameter>\n</invoke>\n</minimax:tool_call>",
       "",
       {{"get_weather", R"({"city": "Paris", "days": 2})"},
        {"search", R"({"tags": ["a", "it's"], "filters": {"k": "v", "n": null}})"}}},
      {"single_quotes_without_a_wrapper",
       "minimax",
       "So:\n<invoke name='get_weather'>\n<parameter name='city'>Paris</parameter>\n</invoke>\nDone, "
       "<invoke name=it>.",
       "So:\nDone, <invoke name=it>.",
       {{"get_weather", R"({"city": "Paris"})"}}},
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
      {"one",
       "functiongemma",
       "I look.<start_function_call>call:search{query:<escape>a \"b\", {c} "
       "<d><escape>,filters:{deep:{x:[1,2.5,"
       "true,null]}},tags:[<escape>t<escape>],exact:false}<end_function_call><start_function_call>call:list_"
       "all{"
       "}<end_function_call><start_function_response>",
       "I look.",
       {{"search",
         R"({"query": "a \"b\", {c} <d>", "filters": {"deep": {"x": [1, 2.5, true, null]}}, "tags": ["t"], "exact": false})"},
        {"list_all", "{}"}}},
      {"mark_in_string",
       "functiongemma",
       "<start_function_call>call:write_file{path:<escape>a<escape>,text:<escape>the <escape> mark<escape>}"
       "<end_function_call>",
       "",
       {{"write_file", R"({"path": "a", "text": "the <escape> mark"})"}}},
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
      {"three_quotes",
       "lfm2",
       "<|tool_call_start|>[write_file(path=\"\"\"a\"\"\", text=\"\"\"x = \"1\"\ny = '', \"\", (z)\n\"\"\"), "
       "search(query='''it's''', tags=['', \"\"])]<|tool_call_end|>",
       "",
       {{"write_file", R"({"path": "a", "text": "x = \"1\"\ny = '', \"\", (z)\n"})"},
        {"search", R"({"query": "it's", "tags": ["", ""]})"}}},
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
      {"several_messages_of_a_kind",
       "harmony",
       "<|channel|>analysis<|message|>A.<|end|><|start|>assistant<|channel|>commentary<|message|>Plan.<|end|>"
       "<"
       "|start|>assistant<|channel|>analysis<|message|>B.<|end|><|start|>assistant<|channel|>final<|message|>"
       "Done.<|return|>",
       "Plan.\nDone.",
       {},
       "A.\nB.",
       Phase::kHeader},
      {"final",
       "harmony",
       "<|channel|>analysis<|message|>Hm.<|end|><|start|>assistant<|channel|>final<|message|>Yes.<|return|>",
       "Yes.",
       {},
       "Hm.",
       Phase::kHeader},
      {"words_in_a_header",
       "harmony",
       "<|channel|>analysis oh<|message|>Hm.<|end|><|start|>tool<|channel|>commentary "
       "to=functions.get_weather now "
       "<|constrain|>json<|message|>{\"city\": \"Paris\"}<|call|>",
       "tool now",
       {{"get_weather", kParis}},
       "oh\nHm.",
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

std::vector<Answer> marked_answers() {
  std::vector<Answer> all;
  for (const auto& part : {elements(), newer_families(), literals_and_messages()})
    all.insert(all.end(), part.begin(), part.end());
  return all;
}

}  // namespace ferrum::tools::testing
