#include "base/check.h"

#include <cstdio>
#include <cstdlib>

namespace ferrum {

void check_failed(std::string_view what, const SourceLocation& where) {
  fmt::print(stderr, "ferrum: internal error: {} ({}:{}, {})\n", what, where.file, where.line,
             where.function);
  std::fflush(stderr);
  std::abort();
}

}  // namespace ferrum
