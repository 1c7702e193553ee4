// Calls as text, for chat templates that have no place for functions or calls.
#pragma once
#include <string>
#include <string_view>

#include "base/json.h"
#include "tools/format.h"
#include "tools/tool_list.h"

namespace ferrum::tools {

// A call in the spelling that the parser of the format reads. Of formats that every template knows how to
// write (Harmony's, Gemma's, Functionary's) the spelling is that of `generic`. `arguments`: an object.
std::string written_call(const Format& format, std::string_view name, const OrderedJson& arguments);

// Says in words which functions there are and how a call is written. To be joined to the system's message.
std::string instructions(const ToolList& tools, const Format& format);

}  // namespace ferrum::tools
