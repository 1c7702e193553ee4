#include "server/api/text_parts.h"

#include <algorithm>

namespace ferrum::server {

std::string text_of_parts(const Fields& parent, const Json& content, const std::string& path,
                          std::span<const TextPart> parts) {
  if (content.is_string()) return content.get<std::string>();
  if (!content.is_array()) refuse(path, "{} must be a string or an array of parts", path);
  std::string text;
  for (size_t i = 0; i < content.size(); ++i)
    text += text_of_part(parent, content[i], fmt::format("{}[{}]", path, i), parts);
  return text;
}

std::string text_of_part(const Fields& parent, const Json& json, const std::string& path,
                         std::span<const TextPart> parts) {
  if (json.is_string()) return json.get<std::string>();  // as some clients shorten it
  Fields part(parent, json, path);
  const std::string type = part.text("type").value_or("");
  const auto known = std::ranges::find_if(parts, [&](const TextPart& p) { return p.type == type; });
  if (known == parts.end()) {
    part.refuse_value("type",
                      fmt::format("{}: this model reads text only, in parts of type {}", part.path_of("type"),
                                  parts.front().type),
                      "unsupported_parameter");
    return "";
  }
  const std::optional<std::string> piece = part.text(known->field);
  if (!piece) part.refuse_value(known->field, part.path_of(known->field) + " is missing");
  return piece.value_or("");
}

}  // namespace ferrum::server
