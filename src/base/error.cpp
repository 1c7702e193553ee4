#include "base/error.h"

#include "base/utf8.h"

namespace ferrum {

std::string_view name_of(ErrorCode code) {
  switch (code) {
    case ErrorCode::kBadFile:
      return "bad_file";
    case ErrorCode::kBadConfig:
      return "bad_config";
    case ErrorCode::kUnsupported:
      return "unsupported";
    case ErrorCode::kBadTemplate:
      return "bad_template";
    case ErrorCode::kBadArgument:
      return "bad_argument";
    case ErrorCode::kContextFull:
      return "context_full";
    case ErrorCode::kNotFound:
      return "not_found";
    case ErrorCode::kIo:
      return "io";
    case ErrorCode::kNotFinite:
      return "not_finite";
    case ErrorCode::kQueueFull:
      return "queue_full";
    case ErrorCode::kDeadline:
      return "deadline";
    case ErrorCode::kUnavailable:
      return "unavailable";
    case ErrorCode::kNoMemory:
      return "no_memory";
  }
  return "unknown";
}

std::string in_quotes(std::string_view text, size_t max_bytes) {
  std::string out = "'";
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
  return out + "'";
}

}  // namespace ferrum
