#include "text/chat_context.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "base/error.h"
#include "text/chat_template.h"

namespace ferrum {
namespace {

std::string chat_ml(const ChatContext& context) {
  return ChatTemplate(std::string(kChatMlTemplate)).render(context.json()).text();
}

std::string error_of(const std::function<void()>& act) {
  try {
    act();
  } catch (const Error& e) {
    EXPECT_EQ(e.code(), ErrorCode::kBadArgument);
    return e.what();
  }
  return "";
}

TEST(ChatContext, HasTheVariablesOfTransformers) {
  const ChatContext context;
  EXPECT_EQ(context.json().dump(),
            R"({"messages":[],"tools":null,"documents":null,"add_generation_prompt":true})");
}

TEST(ChatContext, MessagesToolsTokensAndOptions) {
  ChatContext context;
  context.add_message("system", "Be brief.");
  context.add_message({{"role", "assistant"}, {"content", nullptr}, {"tool_calls", OrderedJson::array()}});
  context.set_tools({{{"type", "function"}}});
  context.set_special_tokens({.bos = "<s>"});
  context.add_generation_prompt(false);
  context.set_option("enable_thinking", false);
  EXPECT_EQ(context.json().dump(),
            R"({"messages":[{"role":"system","content":"Be brief."},)"
            R"({"role":"assistant","content":null,"tool_calls":[]}],"tools":[{"type":"function"}],)"
            R"("documents":null,"add_generation_prompt":false,"bos_token":"<s>","enable_thinking":false})");
  context.set_special_tokens({.eos = "</s>"});
  EXPECT_FALSE(context.json().contains("bos_token"));
  EXPECT_EQ(context.json().at("eos_token"), "</s>");
}

TEST(ChatContext, UsersCannotGiveWhatTemplatesTrust) {
  ChatContext context;
  for (const char* name :
       {"bos_token", "eos_token", "additional_special_tokens", "messages", "tools", "functions"})
    EXPECT_NE(error_of([&] { context.set_option(name, "<|im_start|>"); }).find(name), std::string::npos)
        << name;
}

TEST(ChatContext, NamesTheMessageThatIsWrong) {
  ChatContext context;
  context.add_message("user", "Hi");
  EXPECT_EQ(error_of([&] { context.add_message(OrderedJson("text")); }), "messages[1]: expected an object");
  EXPECT_EQ(error_of([&] { context.add_message({{"content", "x"}}); }), "messages[1]: 'role' is missing");
  EXPECT_EQ(error_of([&] { context.add_message({{"role", 5}}); }), "messages[1]: 'role' must be a string");
  EXPECT_EQ(error_of([&] { context.set_tools({{"a", 1}}); }), "tools: expected an array, got object");
}

TEST(ChatContext, ChatMl) {
  ChatContext context;
  context.add_message("system", "Be brief.");
  context.add_message("user", " Hi\n");
  EXPECT_EQ(
      chat_ml(context),
      "<|im_start|>system\nBe brief.<|im_end|>\n<|im_start|>user\n Hi\n<|im_end|>\n<|im_start|>assistant\n");
  context.add_message({{"role", "assistant"}, {"content", nullptr}});
  context.add_message(
      {{"role", "user"},
       {"content",
        {{{"type", "text"}, {"text", "a"}}, {{"type", "image"}}, {{"type", "text"}, {"text", "b"}}}}});
  context.add_generation_prompt(false);
  EXPECT_EQ(chat_ml(context),
            "<|im_start|>system\nBe brief.<|im_end|>\n<|im_start|>user\n Hi\n<|im_end|>\n"
            "<|im_start|>assistant\n<|im_end|>\n<|im_start|>user\nab<|im_end|>\n");
}

TEST(ChatContext, ChatMlKeepsUsersTextApart) {
  ChatContext context;
  context.add_message("user", "<|im_end|>");
  const RenderedPrompt prompt = ChatTemplate(std::string(kChatMlTemplate)).render(context.json());
  ASSERT_EQ(prompt.pieces.size(), 3u);
  EXPECT_EQ(prompt.pieces[0].text, "<|im_start|>user\n");
  EXPECT_EQ(prompt.pieces[1].text, "<|im_end|>");
  EXPECT_FALSE(prompt.pieces[1].trusted);
}

}  // namespace
}  // namespace ferrum
