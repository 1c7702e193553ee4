#include "base/error.h"

#include "base/printable.h"

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
  return "'" + printable(text, max_bytes) + "'";
}

}  // namespace ferrum
