// The form in which a chat template reads tool calls of earlier turns.
#pragma once
#include "base/json.h"
#include "ferrum/types.h"
#include "tools/format.h"

namespace ferrum {

struct CallForm {
  enum class Arguments { kObject, kText } arguments = Arguments::kObject;
  // Of a message that has calls and no text: an empty string or none.
  enum class Content { kEmpty, kNone } content = Content::kEmpty;
  // kNine: ids must have nine letters and digits, as Mistral's templates demand. Other ids are hashed.
  enum class Ids { kAny, kNine } ids = Ids::kAny;
  // Arguments that are not a JSON object, as those of a call that a limit cut: as text, or where a template
  // takes objects alone, as the object {"arguments": text}.
  enum class Odd { kText, kObject } odd = Odd::kText;
  // Text beside calls: as the message's content, or in front of the mark that begins the calls
  // (text_before_calls.h).
  enum class Text { kContent, kInFront } text = Text::kContent;
};

// Calls and results become text, for a template that has no place for them: calls in the spelling of
// `format`.
void write_calls_as_text(ChatMessage& message, const tools::Format& format);

// A message as templates read it: role, content, and name, tool_calls, tool_call_id and thoughts where it has
// them.
// Arguments that Python would read as an object count as one. Error kBadArgument if `tool_calls` is not an
// array of objects.
OrderedJson template_message(const ChatMessage& message, const CallForm& form);

}  // namespace ferrum
