#include "base/printable.h"

#include <fmt/core.h>

#include "base/utf8.h"

namespace ferrum {

std::string printable(std::string_view text, size_t max_bytes) {
  std::string out;
  for (size_t i = 0; i < text.size();) {
    if (i >= max_bytes) {
      out += "…";
      break;
    }
    const auto c = static_cast<unsigned char>(text[i]);
    const utf8::Decoded d = utf8::decode(text.substr(i));
    if (!d.valid || c < 0x20 || c == 0x7f || (d.code_point >= 0x80 && d.code_point < 0xa0)) {
      const size_t bytes = d.valid ? d.size : 1;
      for (size_t k = 0; k < bytes; ++k)
        out += fmt::format("\\x{:02x}", static_cast<unsigned char>(text[i + k]));
      i += bytes;
      continue;
    }
    out.append(text.substr(i, d.size));
    i += d.size;
  }
  return out;
}

}  // namespace ferrum
