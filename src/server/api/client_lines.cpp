#include "server/api/client_lines.h"

#include <algorithm>
#include <utility>

namespace ferrum::server {
namespace {

constexpr std::string_view kBegin = "x-anthropic-";

}  // namespace

std::string without_client_lines(std::string_view text) {
  std::string rest;
  while (!text.empty()) {
    const size_t end = std::min(text.find('\n'), text.size() - 1) + 1;
    if (!text.starts_with(kBegin)) rest += text.substr(0, end);
    text.remove_prefix(end);
  }
  return rest;
}

Json without_client_lines(const Json& content) {
  if (content.is_string())
    return without_client_lines(std::string_view(content.get_ref<const std::string&>()));
  if (!content.is_array()) return content;
  Json rest = Json::array();
  for (Json part : content) {
    if (part.is_object() && part.contains("text") && part["text"].is_string()) {
      const std::string& whole = part["text"].get_ref<const std::string&>();
      std::string text = without_client_lines(std::string_view(whole));
      if (text.empty() && !whole.empty()) continue;
      part["text"] = std::move(text);
    }
    rest.push_back(std::move(part));
  }
  return rest;
}

bool has_client_lines_only(const Json& content) {
  const Json rest = without_client_lines(content);
  return rest != content && (rest == "" || rest == Json::array());
}

}  // namespace ferrum::server
