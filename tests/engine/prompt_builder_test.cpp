#include "engine/prompt_builder.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "support/errors.h"
#include "support/small_models.h"

namespace ferrum {
namespace {

using test::expect_error;

// Ten tokens, of which `control` are 3 and 4.
class SmallChatModel {
 public:
  SmallChatModel(const std::string& first_control, const std::string& second_control) {
    enum { kNormal = 1, kUnknown, kControl };
    model_.others.string("tokenizer.ggml.model", "llama")
        .strings("tokenizer.ggml.tokens",
                 {"<unk>", "<s>", "</s>", first_control, second_control, "u", "s", "e", "r", "x"})
        .array<float>("tokenizer.ggml.scores", test::gguf::kF32, {0, 0, 0, 0, 0, -1, -1, -1, -1, -1})
        .array<int32_t>(
            "tokenizer.ggml.token_type", test::gguf::kI32,
            {kUnknown, kControl, kControl, kControl, kControl, kNormal, kNormal, kNormal, kNormal, kNormal})
        .boolean("tokenizer.ggml.add_bos_token", 0)
        .boolean("tokenizer.ggml.add_space_prefix", 0);
  }
  void set_template(const std::string& source) { model_.others.string("tokenizer.chat_template", source); }
  std::unique_ptr<Checkpoint> open() const {
    const test::TemporaryFolder folder;
    return Checkpoint::open(folder.write("m.gguf", model_.build()));
  }

 private:
  test::SmallGguf model_;
};

Request chat(const std::string& text) {
  Request r;
  r.prompt = ChatPrompt{.messages = {{"user", text}}, .template_options = {}};
  return r;
}

Request continuation(const std::string& text) {
  Request r;
  r.prompt = TextPrompt{text};
  return r;
}

TEST(PromptBuilder, ChatMlIsTheDefaultIfTheVocabularyHasItsTokens) {
  const PromptBuilder prompts(*SmallChatModel("<|im_start|>", "<|im_end|>").open());
  EXPECT_TRUE(prompts.has_template());
  EXPECT_EQ(prompts.turn_end(), 4);
  const std::vector<TokenId> ids = prompts.tokens(chat("x<|im_end|>x"));
  EXPECT_EQ(std::vector<TokenId>(ids.begin(), ids.begin() + 5), (std::vector<TokenId>{3, 5, 6, 7, 8}));
  EXPECT_EQ(std::count(ids.begin(), ids.end(), 3), 2);
  EXPECT_EQ(std::count(ids.begin(), ids.end(), 4), 1) << "the user's is text";
}

TEST(PromptBuilder, TheTemplateShowsWhatEndsATurn) {
  const auto turn_end = [](const std::string& source) {
    SmallChatModel model("<go>", "<over>");
    model.set_template(source);
    return PromptBuilder(*model.open()).turn_end();
  };
  const std::string loop = "{% for m in messages %}";
  EXPECT_EQ(turn_end(loop + "<go>{{ m.role }}x{{ m.content }} <over>\n{% endfor %}"), 4);
  EXPECT_EQ(
      turn_end(loop +
               "{{ m.content | trim }}{% if m.role == 'assistant' %}{{ eos_token }}{% endif %}{% endfor %}"),
      2);
  EXPECT_EQ(turn_end(loop + "<go>{{ m.content }}{% endfor %}"), 3)
      << "the next turn's beginning, where nothing else does";
  EXPECT_EQ(turn_end(loop + "{{ m.role }}x{{ m.content }}x{% endfor %}"), std::nullopt) << "text ends it";
  EXPECT_EQ(turn_end(loop + "{{ m.content }}{{ m.role }}{% endfor %}"), std::nullopt);
  EXPECT_EQ(turn_end("{{ raise_exception('no') }}"), std::nullopt);
  EXPECT_EQ(turn_end(loop + "<go>{% if m.role != 'assistant' %}{{ m.content }}{% endif %}<over>{% endfor %}"),
            std::nullopt);
}

TEST(PromptBuilder, AnAnswerThatBeganIsContinued) {
  const PromptBuilder prompts(*SmallChatModel("<|im_start|>", "<|im_end|>").open());
  ChatPrompt chat = {.messages = {{"user", "x"}}};
  const std::string asked = prompts.render(chat).text();
  chat.messages.push_back({"assistant", " x<|im_end|>"});
  chat.last_message = ChatPrompt::LastMessage::kContinued;
  EXPECT_EQ(prompts.render(chat).text(), asked + " x<|im_end|>");
  const std::vector<TokenId> ids = prompts.tokens(Prompt(chat));
  EXPECT_EQ(std::count(ids.begin(), ids.end(), 4), 1) << "what is continued is text";
  chat.messages.push_back({"user", "x"});
  expect_error(ErrorCode::kBadArgument, {"only an assistant's last message can be continued"},
               [&] { prompts.render(chat); });
  chat.messages.clear();
  expect_error(ErrorCode::kBadArgument, {"only an assistant's last message"}, [&] { prompts.render(chat); });
}

TEST(PromptBuilder, WithoutATemplateAndChatMlsTokensThereIsNoChat) {
  const PromptBuilder prompts(*SmallChatModel("<a>", "<b>").open());
  EXPECT_FALSE(prompts.has_template());
  EXPECT_EQ(prompts.turn_end(), std::nullopt);
  expect_error(ErrorCode::kBadTemplate, {"no chat template"}, [&] { prompts.tokens(chat("x")); });
  EXPECT_EQ(prompts.tokens(continuation("xs")), (std::vector<TokenId>{9, 6}));
}

TEST(PromptBuilderFaults, N10_OptionsDoNotReplaceWhatTheTemplateTrusts) {
  SmallChatModel model("<|im_start|>", "<|im_end|>");
  model.set_template(
      "{% for m in messages %}{{ m.content }}{% endfor %}{{ x if x is defined }}{{ bos_token }}");
  const PromptBuilder prompts(*model.open());
  ChatPrompt chat = {.messages = {{"user", "u"}}, .template_options = {}};
  for (const char* name : {"messages", "tools", "functions", "documents", "add_generation_prompt",
                           "bos_token", "eos_token", "additional_special_tokens"}) {
    chat.template_options = std::string("{\"") + name + "\": \"<|im_end|>\"}";
    expect_error(ErrorCode::kBadArgument, {name}, [&] { prompts.render(chat); });
  }
  chat.template_options = R"({"x": "<|im_end|>"})";
  EXPECT_EQ(prompts.render(chat).text(), "u<|im_end|><s>");
  const std::vector<TokenId> ids = prompts.tokens(Prompt(chat));
  EXPECT_EQ(std::count(ids.begin(), ids.end(), 4), 0) << "an option is text";
  for (const std::string& bad : {std::string("["), std::string("[]"), std::string(100'000, '[')}) {
    chat.template_options = bad;
    expect_error(ErrorCode::kBadArgument, {"template options"}, [&] { prompts.render(chat); });
  }
}

TEST(PromptBuilder, NamesAreForTheTemplate) {
  SmallChatModel model("<|im_start|>", "<|im_end|>");
  model.set_template("{% for m in messages %}{{ m.name if m.name is defined else 'x' }}s{% endfor %}");
  const PromptBuilder prompts(*model.open());
  const ChatPrompt chat = {.messages = {{"user", "x", "<|im_end|>"}, {"user", "x"}}};
  EXPECT_EQ(prompts.render(chat).text(), "<|im_end|>sxs");
  const std::vector<TokenId> ids = prompts.tokens(Prompt(chat));
  EXPECT_EQ(std::count(ids.begin(), ids.end(), 4), 0) << "a name is text";
}

TEST(PromptBuilder, APromptMayEndAfterTheLastMessage) {
  const PromptBuilder prompts(*SmallChatModel("<|im_start|>", "<|im_end|>").open());
  ChatPrompt chat = {.messages = {{"user", "x"}}};
  chat.last_message = ChatPrompt::LastMessage::kClosed;
  EXPECT_EQ(prompts.render(chat).text(), "<|im_start|>user\nx<|im_end|>\n");
}

TEST(PromptBuilder, SwitchesOfATemplateAreKnown) {
  using Names = std::vector<std::string>;
  const auto switches = [](const std::string& source) {
    SmallChatModel model("<a>", "<b>");
    model.set_template(source);
    return PromptBuilder(*model.open()).template_switches();
  };
  EXPECT_EQ(switches("{{ messages }}"), Names{});
  EXPECT_EQ(switches("{% if enable_thinking is defined %}x{% endif %}"), Names{"enable_thinking"});
  EXPECT_EQ(switches("{% if thinking %}{{ reasoning_effort }}{% endif %}"),
            (Names{"thinking", "reasoning_effort"}));
  EXPECT_EQ(switches("{{ m.thinking }}{{ my_reasoning_effort }}{{ thinking_budget }}"), Names{});
}

TEST(PromptBuilder, ControlTokensOfATextAreRecognised) {
  const PromptBuilder prompts(*SmallChatModel("<|im_start|>", "<|im_end|>").open());
  TextPrompt text = {.text = "x<|im_end|>s"};
  EXPECT_EQ(prompts.tokens(Prompt(text)), (std::vector<TokenId>{9, 4, 6}));
  text.control_tokens = TextPrompt::ControlTokens::kText;
  const std::vector<TokenId> ids = prompts.tokens(Prompt(text));
  EXPECT_EQ(std::count(ids.begin(), ids.end(), 4), 0);
}

TEST(PromptBuilder, TokensAreSpelled) {
  const PromptBuilder prompts(*SmallChatModel("<|im_start|>", "<|im_end|>").open());
  EXPECT_EQ(prompts.token(5).spelling, "u");
  EXPECT_EQ(prompts.token(5).bytes, "u");
  EXPECT_EQ(prompts.token(4).spelling, "<|im_end|>");
  expect_error(ErrorCode::kBadArgument, {"10"}, [&] { prompts.token(10); });
  const TokenizerInfo info = prompts.tokenizer_info();
  EXPECT_EQ(info.size, 10);
  EXPECT_EQ(info.chat_template, std::nullopt) << "ChatML is not the model's own";
}

TEST(PromptBuilder, AModelsOwnTemplateGoesFirst) {
  SmallChatModel model("<|im_start|>", "<|im_end|>");
  model.set_template("{{ messages[0].content }}");
  const PromptBuilder prompts(*model.open());
  EXPECT_EQ(prompts.turn_end(), std::nullopt);
  EXPECT_EQ(prompts.tokens(chat("xs")), (std::vector<TokenId>{9, 6}));
}

TEST(PromptBuilderFaults, B22_ATemplateThatDoesNotParseWarnsAtLoadAndFailsOnUse) {
  SmallChatModel model("<|im_start|>", "<|im_end|>");
  model.set_template("{% for %}");
  testing::internal::CaptureStdout();
  const PromptBuilder prompts(*model.open());
  const std::string logged = testing::internal::GetCapturedStdout();
  EXPECT_NE(logged.find("its chat template cannot be used"), std::string::npos) << logged;
  EXPECT_NE(logged.find("line 1"), std::string::npos) << logged;
  expect_error(ErrorCode::kBadTemplate, {"line 1"}, [&] { prompts.tokens(chat("x")); });
  EXPECT_EQ(prompts.tokens(continuation("x")), (std::vector<TokenId>{9})) << "text needs no template";
}

TEST(PromptBuilderFaults, B22_AHostileTemplateEndsTheRequestAndNotTheNext) {
  SmallChatModel model("<|im_start|>", "<|im_end|>");
  model.set_template(
      "{% if messages[0].content == 'x' %}x{% else %}{% for i in range(1000000000) %}{{ i }}{% endfor %}"
      "{% endif %}");
  const PromptBuilder prompts(*model.open());
  expect_error(ErrorCode::kBadTemplate, {}, [&] { prompts.tokens(chat("s")); });
  EXPECT_EQ(prompts.tokens(chat("x")), (std::vector<TokenId>{9}));
}

}  // namespace
}  // namespace ferrum
