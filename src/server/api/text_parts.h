// The content of messages in several APIs: a text, or an array of parts of which each says what it is.
#pragma once
#include <span>
#include <string>

#include "server/api/fields.h"

namespace ferrum::server {

struct TextPart {
  const char* type;   // of the part: {"type": "input_text", …}
  const char* field;  // that has its text
};

// All texts, one after the other. 400 naming the part for any other type; `notes` are further fields of parts
// that change nothing here.
std::string text_of_parts(const Json& content, const std::string& path, std::span<const TextPart> parts,
                          std::span<const char* const> notes = {});

}  // namespace ferrum::server
