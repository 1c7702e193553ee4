// For chat templates that do not show the model its tools.
#pragma once
#include <string>

#include "tools/tool_list.h"

namespace ferrum::tools {

// Says in words which functions there are and how a call is written: in the way that the format `generic`
// reads. To be joined to the system's message.
std::string instructions(const ToolList& tools);

}  // namespace ferrum::tools
