#include "base/check.h"

#include <cstdio>
#include <cstdlib>

namespace ferrum {

void check_failed(std::string_view what, const SourceLocation& where) {
  // fmt::print would throw where standard error is closed.
  const std::string text =
      fmt::format("ferrum: internal error: {} ({}:{}, {})\n", what, where.file, where.line, where.function);
  std::fputs(text.c_str(), stderr);
  std::fflush(stderr);
  std::abort();
}

}  // namespace ferrum
