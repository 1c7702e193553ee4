// How a chat template reads the functions that a request offers.
//
// Most read OpenAI's array from the variable `tools`. Some want it by another name or in another form, and
// are not rendered without it.
#pragma once
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "ferrum/types.h"
#include "text/chat_context.h"

namespace ferrum {

struct OfferForm {
  enum class Place {
    kTools,          // the variable `tools`, as OpenAI's API has it
    kFunctions,      // the variable `functions`: an array of name, description and parameters
    kFunctionsText,  // the same as JSON text, indented by four (FireFunction)
    kSystemText,     // the same as JSON text in the system message's member `tools` (Phi-4-mini)
    kNowhere,        // the system's message has to tell of them
  } place = Place::kTools;
  bool always =
      false;  // the variable is an empty list where none are offered: else the template is not rendered
  // The variable `datetime` is there, the day as text: with the time no prompt would begin as the one before.
  bool datetime = false;
};

// Gives the text of a conversation in which functions are offered in this form, or throws Error.
using RenderOffer =
    std::function<std::string(const std::vector<ChatMessage>&, const ToolUse&, const OfferForm&)>;

// Decides by rendering small conversations: the first form in which the template, whose source this is, shows
// a function.
OfferForm offer_form_of(const RenderOffer& render, std::string_view source);

// The functions as templates read them: each with a name, a description and parameters. An empty array where
// none are offered. Error kBadArgument.
OrderedJson functions_of(const ToolUse& use);

// The same functions with schemas as plain as the templates demand that write them as types of a programming
// language: each value has one type, and only types, descriptions, enumerations, properties, required names
// and items are said. For templates that refuse the schemas as they are; what calls may be does not depend on
// it.
ToolUse with_plain_schemas(const ToolUse& use);

// Sets the variables that stand for functions. `messages`, which are not in the context yet, may get a member
// for them.
void offer(const ToolUse& use, const OfferForm& form, ChatContext& context,
           std::vector<OrderedJson>& messages);

}  // namespace ferrum
