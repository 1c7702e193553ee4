// An agent's conversation with a model that keeps states: the chat template drops thoughts once the next
// question comes, so that the prompt turns away from what was computed where the last question was answered.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <string>
#include <vector>

#include "checkpoint/gguf/gguf.h"
#include "checkpoint/gguf/gguf_writer.h"
#include "engine/answers.h"
#include "support/files.h"
#include "support/paths.h"

namespace ferrum {
namespace {

using test::ReadAnswer;

// Thoughts are shown from the last question on, as Qwen's and other templates do.
constexpr const char* kTemplate =
    "{% set ns = namespace(last=0) %}{% for m in messages %}{% if m.role == 'user' %}{% set ns.last = "
    "loop.index0 %}{% endif %}{% endfor %}"
    "{% for m in messages %}{{ bos_token }}{{ m.role }}\n"
    "{% if m.role == 'assistant' and m.reasoning_content and loop.index0 > ns.last %}"
    "<think>{{ m.reasoning_content }}</think>{% endif %}{{ m.content }}"
    "{% for call in m.tool_calls %}<call>{{ call.function.name }}</call>{% endfor %}{{ eos_token }}"
    "{% endfor %}{% if add_generation_prompt %}{{ bos_token }}assistant\n{% endif %}";
constexpr const char* kCall =
    R"([{"id": "call_1", "type": "function", "function": {"name": "look", "arguments": "{}"}}])";

// The model of a file, made for longer texts and with the template above.
void write_model(const std::filesystem::path& from, const std::filesystem::path& to, uint32_t context) {
  const auto file = GgufFile::open(from);
  GgufHeader header;
  for (const auto& [key, value] : file->metadata().entries())
    if (key.ends_with(".context_length"))
      header.set(key, context);
    else
      header.copy(key, value);
  header.set("tokenizer.chat_template", std::string(kTemplate));
  for (const HostTensor& tensor : file->tensors()) header.add({tensor.name, tensor.format, tensor.shape});
  GgufWriter writer(to, std::move(header));
  for (const HostTensor& tensor : file->tensors()) writer.append(tensor.bytes);
  writer.finish();
}

// Text of a tool or a person, of about one token a character.
std::string some_text(int seed, int length) {
  std::string text;
  for (int i = 0; i < length; ++i)
    text += static_cast<char>('a' + (i * 7 + seed * 13 + i * i * (seed + 3)) % 26);
  return text;
}

Request asking(const ChatPrompt& chat, int seed) {
  Request request;
  request.prompt = chat;
  request.max_tokens = 48;
  request.sampling.seed = static_cast<uint64_t>(seed);
  request.end_of_text = Request::EndOfText::kIgnored;
  request.logprobs = 1;
  return request;
}

// What an engine has read and written, and what that leaves to compute of a prompt.
class Memory {
 public:
  int fresh(const std::vector<int32_t>& prompt) const {
    size_t most = 0;
    for (const std::vector<int32_t>& known : known_) {
      const auto end = std::ranges::mismatch(prompt, known).in1;
      most = std::max(most, static_cast<size_t>(end - prompt.begin()));
    }
    return static_cast<int>(prompt.size() - most);
  }
  void add(std::vector<int32_t> prompt, const std::vector<int32_t>& answer) {
    prompt.insert(prompt.end(), answer.begin(), answer.end());
    known_.push_back(std::move(prompt));
  }

 private:
  std::vector<std::vector<int32_t>> known_;
};

struct Length {
  int turns;
  int question;     // characters
  int tool_result;  // characters
  int least;        // tokens of the last prompt
  int compared;     // one of this many requests is compared with a cold run
};

class AgentConversation : public ::testing::TestWithParam<std::string> {
 protected:
  void SetUp() override { FERRUM_NEEDS_SHARED(source()); }
  std::filesystem::path source() const { return test::shared("goldens2/gguf") / (GetParam() + ".gguf"); }

  void run(const Length& length) {
    constexpr int kContext = 20000;
    const auto model = folder_.path() / "model.gguf";
    write_model(source(), model, kContext);
    EngineOptions options = {.model = model, .threads = 1, .max_context = kContext, .kv_tokens = kContext};
    const auto warm = Engine::load(options);
    options.prefix_cache = false;
    const auto cold = Engine::load(options);

    Memory memory;
    ChatPrompt chat;
    chat.messages = {{"system", some_text(1, 300)}};
    int tokens = 0;
    for (int turn = 0, requests = 0; turn < length.turns; ++turn) {
      chat.messages.push_back({"user", some_text(turn, length.question)});
      for (const bool calls : {true, false}) {
        SCOPED_TRACE(testing::Message() << "turn " << turn << (calls ? ", call" : ", answer"));
        const Request request = asking(chat, turn);
        const std::vector<int32_t> prompt = warm->tokens_of(request.prompt);
        const ReadAnswer got = test::read(*warm->submit(request), 1).choices[0];
        ASSERT_TRUE(got.finish);
        const Usage& usage = got.finish->usage;
        ASSERT_EQ(usage.prompt_tokens, static_cast<int>(prompt.size()));
        EXPECT_LE(usage.prompt_tokens - usage.cached_tokens, memory.fresh(prompt) + 64);
        if (++requests % length.compared == 0) {
          const ReadAnswer expected = test::read(*cold->submit(request), 1).choices[0];
          EXPECT_EQ(got.tokens, expected.tokens);
          EXPECT_EQ(got.logprobs, expected.logprobs);
        }
        memory.add(prompt, got.tokens);
        tokens = usage.prompt_tokens;

        const size_t half = got.text.find_first_of("abcdefghijklmnopqrstuvwxyz", got.text.size() / 2);
        const size_t thoughts = std::min(half, got.text.size());
        ChatMessage said = {"assistant", got.text.substr(thoughts)};
        said.reasoning = got.text.substr(0, thoughts);
        if (calls) said.tool_calls = kCall;
        chat.messages.push_back(said);
        if (!calls) continue;
        ChatMessage result = {"tool", some_text(turn + 100, length.tool_result)};
        result.tool_call_id = "call_1";
        chat.messages.push_back(result);
      }
    }
    EXPECT_GE(tokens, length.least);
  }

 private:
  test::TemporaryFolder folder_;
};

TEST_P(AgentConversation, EachTurnComputesWhatIsNew) {
  run({.turns = 20, .question = 30, .tool_result = 60, .least = 2000, .compared = 2});
}

TEST_P(AgentConversation, TwentyTurnsOf15000Tokens) {
  run({.turns = 20, .question = 250, .tool_result = 460, .least = 15000, .compared = 20});
}

INSTANTIATE_TEST_SUITE_P(Goldens, AgentConversation,
                         ::testing::Values("qwen3_next", "qwen3_5_text", "lfm2", "lfm2_moe", "nemotron_h_moe",
                                           "granitemoehybrid", "falcon_h1"),
                         [](const auto& info) { return info.param; });

}  // namespace
}  // namespace ferrum
