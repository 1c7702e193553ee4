// Calls in the messages that a client sends back, brought into the shape that chat templates take.
#pragma once
#include <cstdint>
#include <string>

#include "base/json.h"
#include "tools/format.h"

namespace ferrum::tools {

// How a template wants a call's arguments.
enum class ArgumentsAs {
  kObject,  // most: they iterate over them or print them with tojson
  kText,    // some: they append them to other text
};

// The first of the two under which the template renders a call at all is found by the caller; this is the
// guess from its text.
ArgumentsAs arguments_as(std::string_view chat_template);

// `arguments` as an object: text is parsed, null and empty text are {}. Text that is no JSON object becomes
// {"arguments": text}, so that nothing is lost and no template fails.
OrderedJson arguments_object(const OrderedJson& arguments);
std::string arguments_text(const OrderedJson& arguments);

// For every message: tool_calls get arguments of the wanted kind, a type and an id where it is missing;
// results get the id of the call that they answer, in order, where theirs is missing; `function_call` and the
// role `function` become their successors; null content becomes empty text. Messages that are no objects stay
// as they are. Never fails.
void normalize_calls(OrderedJson& messages, const Format& format, ArgumentsAs as);

}  // namespace ferrum::tools
