// A user's mistake (a file, a setting, an argument) as an exception with one clear message.
//
// Our own mistakes are not Errors: see check.h.
#pragma once
#include <fmt/core.h>

#include <stdexcept>
#include <string>
#include <string_view>

namespace ferrum {

// Stable: programs may compare the names that `name_of` returns.
enum class ErrorCode {
  kBadFile,      // a file's bytes contradict its format
  kBadConfig,    // a field of a configuration is missing, out of range or contradicts another
  kUnsupported,  // well-formed, but not something that Ferrum can run
  kBadTemplate,  // a chat template does not parse, fails, or exceeds a limit
  kBadArgument,  // an option or a parameter of a request
  kContextFull,  // the request needs more tokens than the context holds
  kNotFound,     // no such file or name
  kIo,           // the operating system refused to read or write
  kNotFinite,    // a model computed NaN or infinity
  kNoMemory,     // not enough memory
  kQueueFull,    // the maximum number of requests is waiting
  kDeadline,     // a request exceeded its deadline
  kUnavailable,  // the engine is closing
};

std::string_view name_of(ErrorCode code);  // "bad_file", "bad_config", …

class Error : public std::runtime_error {
 public:
  Error(ErrorCode code, const std::string& message) : std::runtime_error(message), code_(code) {}
  ErrorCode code() const { return code_; }

 private:
  ErrorCode code_;
};

template <class... Args>
[[noreturn]] void fail(ErrorCode code, fmt::format_string<Args...> format, Args&&... args) {
  throw Error(code, fmt::format(format, std::forward<Args>(args)...));
}

// `text` in quotation marks, with control characters and malformed UTF-8 escaped and long text shortened. All
// text from files and clients passes through this function before it reaches a terminal or a log.
std::string in_quotes(std::string_view text, size_t max_bytes = 120);

}  // namespace ferrum
