#include "engine/prompt_builder.h"

#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/log.h"
#include "text/chat_context.h"

namespace ferrum {
namespace {

OrderedJson parse_options(const std::string& text) {
  if (text.empty()) return OrderedJson::object();
  OrderedJson options;
  try {
    options = parse_ordered_json(text, "template options");
  } catch (const Error& e) {
    throw Error(ErrorCode::kBadArgument, e.what());
  }
  if (!options.is_object())
    fail(ErrorCode::kBadArgument, "template options: expected a JSON object, found {}", options.type_name());
  return options;
}

}  // namespace

PromptBuilder::PromptBuilder(const Checkpoint& checkpoint)
    : tokenizer_(checkpoint.load_tokenizer()), vocab_(checkpoint.model().vocab) {
  if (tokenizer_ && tokenizer_->size() > vocab_)
    fail(ErrorCode::kBadFile, "{}: the tokenizer has {} tokens, the model {}", checkpoint.model().name,
         tokenizer_->size(), vocab_);
  std::optional<std::string> source = checkpoint.chat_template();
  if (!source && tokenizer_ && (turn_end_ = chat_ml_end(*tokenizer_))) {
    log::warn("{}: no chat template; ChatML is used, whose control tokens the vocabulary has",
              checkpoint.model().name);
    source = kChatMlTemplate;
  }
  has_template_ = source.has_value();
  if (!source) {
    template_error_ = "the model has no chat template";
    return;
  }
  try {
    template_.emplace(*source);
  } catch (const Error& e) {
    template_error_ = e.what();
    log::warn("{}: its chat template cannot be used: {}", checkpoint.model().name, e.what());
  }
}

std::vector<TokenId> PromptBuilder::tokens(const Request& request) const {
  std::vector<TokenId> ids = tokens(request.prompt);
  if (ids.empty()) fail(ErrorCode::kBadArgument, "the prompt is empty");
  return ids;
}

std::vector<TokenId> PromptBuilder::tokens(const Prompt& prompt) const {
  return std::visit([this](const auto& p) { return encode(p); }, prompt);
}

std::string PromptBuilder::text(std::span<const TokenId> ids) const {
  encode(TokenPrompt{{ids.begin(), ids.end()}});  // in range
  return required_tokenizer().decode(ids, true);
}

RenderedPrompt PromptBuilder::render(const ChatPrompt& chat) const {
  if (!template_) fail(ErrorCode::kBadTemplate, "{}", template_error_);
  std::span<const ChatMessage> messages = chat.messages;
  const ChatMessage* beginning = nullptr;
  if (chat.last_message == ChatPrompt::LastMessage::kContinued) {
    if (messages.empty() || messages.back().role != "assistant")
      fail(ErrorCode::kBadArgument, "only an assistant's last message can be continued");
    beginning = &messages.back();
    messages = messages.first(messages.size() - 1);
  }
  ChatContext context;
  context.set_special_tokens(special_tokens(required_tokenizer()));
  for (const ChatMessage& message : messages) context.add_message(message.role, message.content);
  const OrderedJson options = parse_options(chat.template_options);
  for (const auto& [name, value] : options.items()) context.set_option(name, value);
  RenderedPrompt prompt = template_->render(context.json());
  // Where the template asks for an answer it goes on with what there is of it.
  if (beginning) prompt.add_untrusted(beginning->content);
  return prompt;
}

// The template itself writes BOS and the like, so none are added.
std::vector<TokenId> PromptBuilder::encode(const ChatPrompt& chat) const {
  const RenderedPrompt prompt = render(chat);
  return tokenizer_->encode(prompt.spans(), {.add_special = false});
}

std::vector<TokenId> PromptBuilder::encode(const TextPrompt& prompt) const {
  return required_tokenizer().encode({prompt.text, false});
}

std::vector<TokenId> PromptBuilder::encode(const TokenPrompt& prompt) const {
  for (const int32_t id : prompt.ids)
    if (id < 0 || id >= vocab_)
      fail(ErrorCode::kBadArgument, "token id {}: the vocabulary has 0 to {}", id, vocab_ - 1);
  return prompt.ids;
}

const Tokenizer& PromptBuilder::required_tokenizer() const {
  if (!tokenizer_)
    fail(ErrorCode::kBadArgument, "the model has no tokenizer: only token ids can be its prompt");
  return *tokenizer_;
}

}  // namespace ferrum
