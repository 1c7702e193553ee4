// Character references of HTML, which Markdown takes in texts: &amp; &#39; &#x2014;.
#pragma once
#include <optional>
#include <string>
#include <string_view>

namespace ferrum::cli {

struct Entity {
  size_t size = 0;   // of the reference, in bytes
  std::string text;  // what it stands for; a control character shows as U+FFFD, a line break as a space
};

// The reference that `text` begins with, if it is a known one.
std::optional<Entity> entity_at(std::string_view text);

}  // namespace ferrum::cli
