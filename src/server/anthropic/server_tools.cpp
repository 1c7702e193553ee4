#include "server/anthropic/server_tools.h"

#include "server/anthropic/documents.h"
#include "server/api/text_parts.h"

namespace ferrum::server::anthropic {
namespace {

// Without the members that only their author reads.
Json readable(const Json& value) {
  if (!value.is_structured()) return value;
  Json out = value.is_array() ? Json::array() : Json::object();
  for (const auto& [key, member] : value.items()) {
    if (value.is_array())
      out.push_back(readable(member));
    else if (!key.starts_with("encrypted_"))
      out[key] = readable(member);
  }
  return out;
}

std::string text_of_found(const Fields& parent, const Json& found, const std::string& path) {
  Fields f(parent, found, path);
  const std::string type = f.text("type").value_or("");
  if (type == "text") return f.text("text").value_or("");
  if (type == "web_search_result")
    return f.text("title").value_or("") + "\n" + f.text("url").value_or("") + "\n";
  if (const Json* content = f.find("content"); type == "web_fetch_result" && content && is_document(*content))
    return f.text("url").value_or("") + "\n" + text_of_document(f, *content, f.path_of("content"));
  return to_text(readable(found));
}

}  // namespace

bool is_server_call(std::string_view type) { return type == "server_tool_use" || type == "mcp_tool_use"; }

bool is_server_result(std::string_view type) {
  return type.ends_with("_tool_result") && type.size() > std::string_view("_tool_result").size();
}

std::string text_of_server_result(Fields& block) {
  const Json* content = block.find("content");
  if (!content) return "";
  if (content->is_string()) return content->get<std::string>();
  const std::string path = block.path_of("content");
  if (!content->is_array()) return text_of_found(block, *content, path);
  std::string text;
  for (size_t i = 0; i < content->size(); ++i)
    text += text_of_found(block, (*content)[i], fmt::format("{}[{}]", path, i));
  return text;
}

}  // namespace ferrum::server::anthropic
