// Untrusted text, made safe for a terminal or a log.
#pragma once
#include <cstddef>
#include <string>
#include <string_view>

namespace ferrum {

// `text` with control characters and malformed UTF-8 escaped and long text shortened; in_quotes (error.h)
// adds quotation marks.
std::string printable(std::string_view text, size_t max_bytes);

}  // namespace ferrum
