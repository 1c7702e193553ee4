// Families from templates, and phases from prompts.
#include "tools/format.h"

#include <gtest/gtest.h>

#include <fstream>
#include <iterator>

#include "base/error.h"
#include "support/files.h"
#include "support/paths.h"

namespace ferrum::tools {
namespace {

TEST(FormatOf, KnowsFamiliesByWhatTheirTemplatesWrite) {
  const std::pair<const char*, const char*> cases[] = {
      {"<tool_call>\\n{\"name\": <function-name>", "hermes"},
      {"<tool_call>\\n<function=' + name + '>\\n<parameter=", "qwen3-coder"},
      {"<seed:tool_call>\n<function=a>\n<parameter=b>", "seed-oss"},
      {"<minimax:tool_call> <invoke name=", "minimax"},
      {"<tool_call>{name}\n<arg_key>", "glm"},
      {"{{ '[TOOL_CALLS]' + name + '[ARGS]' }}", "mistral"},
      {"[TOOL_CALLS] [", "mistral-list"},
      {"<｜tool▁calls▁begin｜> ```json", "deepseek-v3"},
      {"<｜tool▁calls▁begin｜>", "deepseek"},
      {"{%- set dsml_token = '｜DSML｜' %}<{{ dsml_token }}function_calls>", "dsml"},
      {"<|im_middle|> tool_declare", "kimi"},
      {"<|tool_call>call:", "gemma4"},
      {"<start_function_call>call:", "functiongemma"},
      {"<|start|>assistant<|channel|>analysis<|message|>", "harmony"},
      {"<|tool_list_start|>[", "lfm2"},
      {"functools[", "functools"},
      {"<|tool|> tools <|/tool|>", "phi4"},
      {"respond only with <|tool_call|> followed by a JSON list", "granite"},
      {"<|start_of_role|>available_tools <tool_call>", "hermes"},
      {"<TOOLCALL>[", "nemotron"},
      {"<|START_ACTION|>[", "command-r7b"},
      {"Write 'Action:' followed by a json-formatted list ... tool_name", "command-r"},
      {"message['tool_calls'] '>>>' + name", "functionary-v3.2"},
      {"<|from|> <|recipient|>", "functionary-v2"},
      {"<function=name>{}</function>", "functionary-v3.1"},
      {"<|start_header_id|> {\"name\": function name, \"parameters\": dictionary", "llama3"},
      {"<|header_start|> tools", "llama4"},
      {"<|header_start|> tools {\"name\": function name, \"parameters\": dictionary", "llama4-json"},
      {"if keep_past_thinking 'List of tools: ['", "lfm2"},
      {"'<|open|>call tool=\"' ~ name ~ '\"<|sep|>'", "kimi-k3"},
      {"<tool_calls><tool_call>{name}<tool_sep> <arg_key>", "hunyuan-v3"},
      {"<think> <answer> <tool_calls>[{\"name\": ", "hunyuan"},
      {"<tool_calls>[ message.tool_calls", "apriel"},
      {"<|inner_prefix|> <|tools_prefix|>[", "apertus"},
      {"'<|message_sep|>\\n\\nfunction call<|role_sep|>\\n'", "gigachat"},
      {"<|function_call|>", "gigachat"},
      {"<start_of_turn>user", "generic"},
      {"", "generic"},
  };
  for (const auto& [text, family] : cases) EXPECT_EQ(format_of(text).family, family) << text;
}

TEST(FormatOf, KnowsPublishedTemplates) {
  FERRUM_NEEDS_SHARED("templates");
  const std::pair<const char*, const char*> cases[] = {
      {"HuggingFaceTB-SmolLM3-3B", "generic"},
      {"Mistral-Small-3.2-24B-Instruct-2506", "mistral"},
      {"NousResearch-Hermes-2-Pro-Llama-3-8B-tool_use", "hermes"},
      {"NousResearch-Hermes-3-Llama-3.1-8B-tool_use", "hermes"},
      {"Qwen-QwQ-32B", "hermes"},
      {"Qwen-Qwen2.5-7B-Instruct", "hermes"},
      {"Qwen-Qwen3-0.6B", "hermes"},
      {"Qwen3-Coder", "qwen3-coder"},
      {"Qwen3.5-4B", "qwen3-coder"},
      {"deepseek-ai-DeepSeek-R1-Distill-Llama-8B", "deepseek-v3"},
      {"deepseek-ai-DeepSeek-R1-Distill-Qwen-32B", "deepseek-v3"},
      {"fireworks-ai-llama-3-firefunction-v2", "functools"},
      {"google-gemma-2-2b-it", "generic"},
      {"ibm-granite-granite-3.3-2B-Instruct", "granite"},
      {"meetkai-functionary-medium-v3.2", "functionary-v3.2"},
      {"meta-llama-Llama-3.1-8B-Instruct", "llama3"},
      {"meta-llama-Llama-3.2-3B-Instruct", "llama3"},
      {"meta-llama-Llama-3.3-70B-Instruct", "llama3"},
      {"microsoft-Phi-3.5-mini-instruct", "generic"},
      {"mistralai-Mistral-Nemo-Instruct-2407", "mistral-list"},
      {"unsloth-mistral-Devstral-Small-2507", "mistral"},
  };
  for (const auto& [name, family] : cases) {
    std::ifstream file(test::shared("templates") / (std::string(name) + ".jinja"));
    ASSERT_TRUE(file) << name;
    const std::string text{std::istreambuf_iterator<char>(file), {}};
    EXPECT_EQ(format_of(text).family, family) << name;
  }
}

TEST(FormatOf, AsksTheVocabularyWhereTheTemplateIsSilent) {
  const auto kimi = [](std::string_view token) { return token == "<|tool_calls_section_begin|>"; };
  EXPECT_EQ(format_of("{{ messages }}", kimi).family, "kimi");
  EXPECT_EQ(format_of("{{ tools }}", kimi).family, "generic");
  EXPECT_EQ(format_of("[TOOL_CALLS][ARGS][THINK]").reasoning.open, "[THINK]");
}

TEST(FormatOf, MarksMayHaveTheSuffixOfACheckpoint) {
  const Format format = format_of("<think:opensource> <tool_calls:opensource> <tool_sep:opensource>");
  EXPECT_EQ(format.marks.name_end, "<tool_sep:opensource>");
  EXPECT_EQ(format.marks.value_close, "</arg_value:opensource>");
  EXPECT_EQ(format.wrappers[0].close, "</tool_calls:opensource>");
  EXPECT_EQ(format.reasoning.open, "<think:opensource>");
  EXPECT_EQ(format_of("<tool_sep> <think>").marks.name_end, "<tool_sep>");
}

// A control token that is no mark is left out of an answer's text.
TEST(IsMark, KnowsAllThatAFormatIsMadeOf) {
  for (const std::string& family : family_names()) {
    const Format format = format_named(family);
    const CallMarks& marks = format.marks;
    std::vector<std::string> all = {
        marks.open,       marks.id,      marks.name_end,        marks.number_end,      marks.close,
        marks.key_open,   marks.key_end, marks.type_end,        marks.value_open,      marks.value_close,
        format.code_open, format.quote,  format.reasoning.open, format.reasoning.close};
    all.insert(all.end(), format.silent.begin(), format.silent.end());
    for (const Wrapper& wrapper : format.wrappers) all.insert(all.end(), {wrapper.open, wrapper.close});
    for (const std::string& mark : all)
      EXPECT_TRUE(mark.empty() || is_mark(format, mark)) << family << " " << mark;
    EXPECT_FALSE(is_mark(format, "<|endoftext|>")) << family;
  }
}

TEST(FormatNamed, RefusesUnknownOnes) { EXPECT_THROW(format_named("none"), Error); }

TEST(FamilyNames, AreCountedInTheReadme) {
  const std::string readme = test::read_file(std::filesystem::path(FERRUM_SOURCE_DIR) / "README.md");
  EXPECT_NE(readme.find("in " + std::to_string(family_names().size()) + " formats of calls"),
            std::string::npos);
}

TEST(PhaseAtEnd, IsReasoningWhereThePromptOpensAThought) {
  const Format hermes = format_named("hermes");
  EXPECT_EQ(phase_at_end(hermes, "<|im_start|>assistant\n"), Phase::kContent);
  EXPECT_EQ(phase_at_end(hermes, "<|im_start|>assistant\n<think>\n"), Phase::kReasoning);
  EXPECT_EQ(phase_at_end(hermes, "<|im_start|>assistant\n<think>\n\n</think>\n\n"), Phase::kContent);
  EXPECT_EQ(phase_at_end(hermes, "What is <think>?<|im_end|>\n<|im_start|>assistant\n"), Phase::kContent);
  EXPECT_EQ(phase_at_end(hermes, ""), Phase::kContent);
  EXPECT_EQ(phase_at_end(format_named("seed-oss"), "<seed:think><seed:cot_budget_reflect>"),
            Phase::kReasoning);
  EXPECT_EQ(phase_at_end(format_named("gemma4"), "<|turn>model\n<|channel>thought\n<channel|>"),
            Phase::kContent);
  EXPECT_EQ(phase_at_end(format_named("harmony"), "<|start|>assistant"), Phase::kHeader);
  EXPECT_EQ(phase_at_end(format_named("harmony"), "<|start|>assistant<|channel|>analysis<|message|>"),
            Phase::kReasoning);
  EXPECT_EQ(phase_at_end(format_named("harmony"), "<|start|>assistant<|channel|>final<|message|>"),
            Phase::kContent);
  EXPECT_EQ(phase_at_end(format_named("functionary-v3.2"), "assistant<|end_header_id|>\n\n>>>"),
            Phase::kHeader);
}

}  // namespace
}  // namespace ferrum::tools
