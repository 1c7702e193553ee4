#include "server/api/text_parts.h"

#include <algorithm>

namespace ferrum::server {

std::string text_of_parts(const Fields& parent, const Json& content, const std::string& path,
                          std::span<const TextPart> parts) {
  if (content.is_string()) return content.get<std::string>();
  if (!content.is_array()) refuse(path, "{} must be a string or an array of parts", path);
  std::string text;
  for (size_t i = 0; i < content.size(); ++i) {
    const std::string part_path = fmt::format("{}[{}]", path, i);
    if (content[i].is_string()) {  // as some clients shorten it
      text += content[i].get<std::string>();
      continue;
    }
    Fields part(parent, content[i], part_path);
    const std::string type = part.text("type").value_or("");
    const auto known = std::ranges::find_if(parts, [&](const TextPart& p) { return p.type == type; });
    if (known == parts.end()) {
      part.refuse_value("type",
                        fmt::format("{}: this model reads text only, in parts of type {}",
                                    part.path_of("type"), parts.front().type),
                        "unsupported_parameter");
      continue;
    }
    if (const std::optional<std::string> piece = part.text(known->field))
      text += *piece;
    else
      part.refuse_value(known->field, part.path_of(known->field) + " is missing");
  }
  return text;
}

}  // namespace ferrum::server
