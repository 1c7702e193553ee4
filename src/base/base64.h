// Base64 (RFC 4648, section 4).
#pragma once
#include <optional>
#include <string>
#include <string_view>

namespace ferrum {

// Nothing if `text` is not base64; the padding may be missing.
std::optional<std::string> decode_base64(std::string_view text);

}  // namespace ferrum
