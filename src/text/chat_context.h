// The variables that a chat template is rendered with, from the typed things that callers have.
#pragma once
#include <string>
#include <utility>
#include <vector>

#include "base/json.h"
#include "text/tokenizer.h"

namespace ferrum {

struct ChatTurn {
  std::string role;
  std::string content;
};

// messages, tools (null without), add_generation_prompt = true, and bos_token, eos_token, … as `tokenizer`
// spells them. `extra` is an object whose members come on top and win. Error kBadArgument if it is none.
OrderedJson chat_context(const std::vector<ChatTurn>& turns, const Tokenizer& tokenizer,
                         const OrderedJson& extra);

// Adds the special tokens' spellings where `context` does not have them yet.
void add_special_tokens(OrderedJson& context, const Tokenizer& tokenizer);

}  // namespace ferrum
