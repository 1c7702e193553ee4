// The variables of a chat template, named as in transformers' apply_chat_template: messages, tools,
// documents, add_generation_prompt, the model's special tokens, and options of some templates
// (enable_thinking, …).
#pragma once
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/json.h"
#include "text/tokenizer.h"

namespace ferrum {

// As the tokenizer spells them. A token that the model lacks is undefined in the template.
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
  // A message in the OpenAI API's format: an object with a role and content (text, parts or null),
  // tool_calls, reasoning_content and so on. Throws kBadArgument naming messages[i].
  void add_message(const OrderedJson& message);

  // Arrays, undefined in the template unless set. Throws kBadArgument for any other type.
  void set_tools(const OrderedJson& tools);
  void set_documents(const OrderedJson& documents);
  // Of templates with a variable of that name, which need not be an array.
  void set_functions(const OrderedJson& functions);

  void set_special_tokens(const SpecialTokens& tokens);
  // Whether the prompt ends with the opening of an assistant's answer. True by default.
  void add_generation_prompt(bool add);
  // Any other variable. Throws kBadArgument for the names above: options come from users, who must not set
  // what a template trusts (see ChatTemplate::is_trusted_variable).
  void set_option(std::string_view name, const OrderedJson& value);

  const OrderedJson& json() const;  // the context for ChatTemplate::render

 private:
  std::unique_ptr<OrderedJson> json_;
};

// ChatML, for checkpoints without a template: <|im_start|>role, newline, content, <|im_end|>, newline. Of
// content in parts, the text of the parts.
extern const std::string_view kChatMlTemplate;

// The token <|im_end|> if the vocabulary has both ChatML markers as control tokens. Without them the markers
// would be plain text to the model.
std::optional<TokenId> chat_ml_end(const Tokenizer& tokenizer);

}  // namespace ferrum
