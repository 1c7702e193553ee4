#include "tools/instructions.h"

#include <nlohmann/json.hpp>

namespace ferrum::tools {

std::string instructions(const ToolList& tools) {
  std::string text =
      "You may call functions to help with the request. These are the functions, one a line:\n";
  for (const Tool& tool : tools.all()) {
    OrderedJson function = {{"name", tool.name}};
    if (!tool.description.empty()) function["description"] = tool.description;
    if (tool.parameters) function["parameters"] = *tool.parameters;
    text += function.dump(-1, ' ', false, OrderedJson::error_handler_t::replace) + '\n';
  }
  return text +
         "To call one, write its name and arguments as JSON between tags, and nothing else:\n"
         "<tool_call>\n{\"name\": \"the function's name\", \"arguments\": {\"a parameter's name\": \"its "
         "value\"}}\n"
         "</tool_call>";
}

}  // namespace ferrum::tools
