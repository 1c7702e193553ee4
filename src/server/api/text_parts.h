// The content of messages in several APIs: a string, or an array of parts with a type each.
#pragma once
#include <span>
#include <string>

#include "server/api/fields.h"

namespace ferrum::server {

struct TextPart {
  const char* type;   // of the part: {"type": "input_text", …}
  const char* field;  // the part's field with the text
};

// The concatenated texts of all parts. A part of any other type is a refusal in `parent`'s report. Further
// fields of parts are tolerated: clients send back what they received, and cache_control.
std::string text_of_parts(const Fields& parent, const Json& content, const std::string& path,
                          std::span<const TextPart> parts);

// One part, at `path`; a string is short for a part of text.
std::string text_of_part(const Fields& parent, const Json& part, const std::string& path,
                         std::span<const TextPart> parts);

}  // namespace ferrum::server
