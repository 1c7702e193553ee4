// Which turns a chat template takes, and how a conversation is changed to fit it.
//
// Some templates raise an error for a system message that is not the first one, or for any; some silently
// leave it out; others demand that user and assistant alternate. Clients send all of these.
#pragma once
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "engine/call_form.h"
#include "engine/tool_offer.h"
#include "ferrum/types.h"

namespace ferrum {

struct TurnRules {
  enum class System {
    kAnywhere,   // any number, at any place
    kBeginning,  // any number, before all other turns
    kFirst,      // one, as the first message
    kNone,
  } system = System::kAnywhere;
  bool system_alone = true;       // a conversation may have nothing but system messages
  bool developer = false;         // the template has a role of this name; otherwise it is the system's
  bool tool = true;               // a tool's message may stand without a call; otherwise it is the user's
  std::optional<CallForm> calls;  // how the template takes tool calls and their results; nothing: as text
  bool several_calls = true;      // one message may have several calls
  // Text beside calls: the template writes it, or takes it in a message of its own before them, or neither;
  // in the second case, where the thought belongs.
  enum class TextBeside { kWritten, kApart, kLost } text_beside_calls = TextBeside::kWritten;
  bool thought_beside_calls = false;  // the template writes it
  tools::Format format{};             // of calls that are written as text
  OfferForm offer{};                  // how the template reads functions
  bool user_after_result = true;      // the user may speak right after a tool's result
  bool repeats_speakers = true;       // the same role may speak twice in a row
  bool assistant_first = true;        // the assistant may speak before the user
};

// Gives the prompt's text or throws Error.
using RenderTurns = std::function<std::string(const std::vector<ChatMessage>&, const CallForm&)>;

// Decides by rendering small conversations. A template that cannot even render one message of the user gets
// no rules, since nothing helps it.
TurnRules turn_rules_of(const RenderTurns& render, const std::string& source);

// The conversation in turns that the rules allow. Leading system messages become one, where the template
// takes one, or else the beginning of the first user turn. A later one joins the user turn before it, or else
// the one after it, so that the beginning of a growing conversation stays the same for the prefix cache.
// Where calls must stand without text, or the template leaves it out, the text beside them gets a message of
// its own before them. Where a message may have one call only, several become a message each, with its result
// behind it. A user turn right after a tool's result joins the result, where the template wants an answer
// first. What the assistant begins, as with a greeting, follows an empty turn of the user where one must be
// first. Texts that are joined have an empty line between them.
std::vector<ChatMessage> fit_turns(std::span<const ChatMessage> messages, const TurnRules& rules);

}  // namespace ferrum
