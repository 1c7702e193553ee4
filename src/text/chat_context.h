// What a chat template is told, in the words of transformers' apply_chat_template: messages, tools,
// documents, add_generation_prompt, the model's special tokens, and options that some templates know
// (enable_thinking, …).
#pragma once
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/json.h"
#include "text/tokenizer.h"

namespace ferrum {

// As the tokenizer spells them; what a model has not is not defined in the template.
struct SpecialTokens {
  std::optional<std::string> bos, eos, unk, sep, pad, cls, mask;
};

SpecialTokens special_tokens(const Tokenizer& tokenizer);

class ChatContext {
 public:
  ChatContext();
  ~ChatContext();
  ChatContext(ChatContext&&) noexcept;
  ChatContext& operator=(ChatContext&&) noexcept;

  void add_message(std::string_view role, std::string_view content);
  // A message as the OpenAI API has it: an object with a role, and content (text, parts or null), tool_calls,
  // reasoning_content and so on. Error kBadArgument naming messages[i].
  void add_message(const OrderedJson& message);

  // Arrays; without them the template sees none. Error kBadArgument for anything else.
  void set_tools(const OrderedJson& tools);
  void set_documents(const OrderedJson& documents);

  void set_special_tokens(const SpecialTokens& tokens);
  // The prompt ends where the assistant's answer begins. It does by default.
  void add_generation_prompt(bool add);
  // Anything else. Error kBadArgument for the names above: options come from users, who must not give what a
  // template trusts (see ChatTemplate::is_trusted_variable).
  void set_option(std::string_view name, const OrderedJson& value);

  const OrderedJson& json() const;  // for ChatTemplate::render

 private:
  std::unique_ptr<OrderedJson> json_;
};

// ChatML, for checkpoints that carry no template: <|im_start|>role, newline, content, <|im_end|>, newline.
// Content in parts is the text of its parts.
extern const std::string_view kChatMlTemplate;

// The token <|im_end|>, if the vocabulary has both of ChatML's as control tokens: without them the template's
// text would be plain words to the model.
std::optional<TokenId> chat_ml_end(const Tokenizer& tokenizer);

}  // namespace ferrum
