#include "server/api/text_parts.h"

#include <algorithm>

namespace ferrum::server {

std::string text_of_parts(const Json& content, const std::string& path, std::span<const TextPart> parts,
                          std::span<const char* const> notes) {
  if (content.is_string()) return content.get<std::string>();
  if (!content.is_array()) refuse(path, "{} must be a string or an array of parts", path);
  std::string text;
  for (size_t i = 0; i < content.size(); ++i) {
    Fields part(content[i], fmt::format("{}[{}]", path, i));
    const std::string type = part.text("type").value_or("");
    const auto known = std::ranges::find_if(parts, [&](const TextPart& p) { return p.type == type; });
    if (known == parts.end())
      throw ApiError(400, "unsupported_parameter", part.path_of("type"),
                     fmt::format("{}: only text is served, as parts of type {}", part.path_of("type"),
                                 parts.front().type));
    const std::optional<std::string> piece = part.text(known->field);
    if (!piece) refuse(part.path_of(known->field), "{} is missing", part.path_of(known->field));
    for (const char* note : notes) part.find(note);
    part.refuse_others();
    text += *piece;
  }
  return text;
}

}  // namespace ferrum::server
