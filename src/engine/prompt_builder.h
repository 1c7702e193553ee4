// Turns a request's prompt into token ids: renders chats, encodes text, checks ids.
#pragma once
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "checkpoint/checkpoint.h"
#include "engine/infill.h"
#include "engine/reasoning.h"
#include "engine/turn_rules.h"
#include "engine/vector_rows.h"
#include "ferrum/engine.h"
#include "ferrum/types.h"
#include "text/chat_template.h"
#include "text/tokenizer.h"
#include "tools/format.h"
#include "tools/tool_list.h"

namespace ferrum {

class PromptBuilder {
 public:
  // Reads the checkpoint's tokenizer and chat template. A checkpoint without a template gets ChatML's if its
  // vocabulary has ChatML's control tokens. A template that does not parse is a warning here and an error
  // when a chat is rendered (fault B22).
  explicit PromptBuilder(const Checkpoint& checkpoint);

  // Error kBadArgument: nothing to continue, ids out of range, no tokenizer for text; kBadTemplate.
  std::vector<TokenId> tokens(const Request& request) const;
  // The same for a prompt that may be empty, because no answer follows.
  std::vector<TokenId> tokens(const Prompt& prompt) const;
  // The rows of a prompt that come as vectors, where tokens() has kVectorRow; null: none. Error kBadArgument
  // for vectors of another width than the model's.
  std::shared_ptr<const VectorRows> vectors(const Prompt& prompt) const;
  // Control tokens are spelled out. Error kBadArgument without a tokenizer, or for ids out of range.
  std::string text(std::span<const TokenId> ids) const;

  // The conversation as the model reads it. Turns that the template would refuse or leave out are fitted
  // first (turn_rules.h).
  RenderedPrompt render(const ChatPrompt& chat) const;

  // Errors as Engine::infill_tokens.
  std::vector<TokenId> tokens(const InfillPrompt& prompt) const;
  bool infills() const { return infill_.has_value(); }
  // Which of the variables that ModelInfo::template_switches lists the template reads.
  const std::vector<std::string>& template_switches() const { return template_switches_; }
  TokenText token(TokenId id) const;  // error kBadArgument for ids out of range, and without a tokenizer
  TokenizerInfo tokenizer_info() const;

  const Tokenizer* tokenizer() const { return tokenizer_.get(); }   // null: only token ids go in and out
  bool has_template() const { return has_template_; }               // also one that does not parse
  bool has_tool_turns() const { return turns_.calls.has_value(); }  // ModelInfo::has_tool_turns
  // How the model writes thoughts and calls.
  const tools::Format& format() const { return format_; }
  // Control tokens that are marks of the format, ascending.
  std::span<const TokenId> marks() const { return marks_; }
  // The marks around thoughts in answers; null: the model has none.
  const std::shared_ptr<const ThoughtMarks>& thoughts() const { return thoughts_; }
  // The functions that a chat offers; empty for other prompts. Error kBadArgument.
  static std::shared_ptr<const tools::ToolList> functions(const Prompt& prompt);
  // Where an answer to this prompt, whose tokens these are, begins.
  tools::Phase phase_of(const Prompt& prompt, std::span<const TokenId> tokens) const;
  // Whether a thought may come before the answer proper: the chat template knows its marks, and the prompt is
  // a chat that did not close the thought already.
  bool may_think(const Prompt& prompt, std::span<const TokenId> tokens) const;
  // The control token that the template writes behind an assistant's message, if it writes one.
  std::optional<TokenId> turn_end() const { return turn_end_; }

 private:
  RenderedPrompt render_as_given(const ChatPrompt& chat, const CallForm& calls,
                                 const OfferForm& functions) const;
  RenderedPrompt render_turns(ChatPrompt chat) const;
  RenderedPrompt render_fitted(ChatPrompt chat) const;
  RenderedPrompt render_with_calls_as_text(ChatPrompt chat) const;
  std::optional<TokenId> find_turn_end() const;
  std::vector<TokenId> encode(const ChatPrompt& chat) const;
  std::vector<TokenId> encode(const TextPrompt& prompt) const;
  std::vector<TokenId> encode(const TokenPrompt& prompt) const;
  std::vector<TokenId> encode(const MixedPrompt& prompt) const;
  // The text of the prompt's last tokens: marks at its end are shorter.
  std::string end_of(std::span<const TokenId> tokens) const;
  // Positions that a part's vectors fill. Error kBadArgument.
  size_t positions_of(const MixedPrompt::Part& part) const;
  const Tokenizer& required_tokenizer() const;

  std::unique_ptr<const Tokenizer> tokenizer_;
  std::optional<InfillTokens> infill_;
  std::optional<ChatTemplate> template_;
  std::optional<std::string> template_source_;  // the model's own
  std::vector<std::string> template_switches_;
  TurnRules turns_;  // that the template takes
  tools::Format format_;
  std::vector<TokenId> marks_;
  std::shared_ptr<const ThoughtMarks> thoughts_;
  std::string template_error_;  // why there is no template_
  bool has_template_ = false;
  std::optional<TokenId> turn_end_;
  int vocab_;
  int hidden_;
};

}  // namespace ferrum
