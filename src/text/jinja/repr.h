// Values as text: Python's str() and repr(), and json.dumps as the `tojson` of chat templates calls it.
//
// Characters from the context keep their origin; a backslash that escapes one has the origin of that
// character. Added quotes and brackets, and all numbers, count as the template's.
#pragma once
#include <optional>
#include <string>

#include "text/jinja/runtime.h"
#include "text/jinja/value.h"

namespace ferrum::jinja {

std::string float_repr(
    double value);  // the shortest digits that read back as `value`, laid out as Python does

void append_str(Runtime& runtime, TextBuilder& out, const Value& value);
void append_repr(Runtime& runtime, TextBuilder& out, const Value& value);
void append_repr(TextBuilder& out, const Text& text);

Text to_str(Runtime& runtime, const Value& value);  // shares the text of a string

struct JsonStyle {
  enum class Letters { kUtf8, kAscii };
  enum class Keys { kAsTheyCome, kSorted };
  Letters letters = Letters::kUtf8;
  Keys keys = Keys::kAsTheyCome;
  std::optional<Text> indent;  // of one level; nullopt: all on one line
  Text item_separator;
  Text key_separator;
};
void append_json(Runtime& runtime, TextBuilder& out, const Value& value, const JsonStyle& style);

}  // namespace ferrum::jinja
