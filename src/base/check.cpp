#include "base/check.h"

#include <cstdio>
#include <cstdlib>

namespace ferrum {

void check_failed(std::string_view what, const std::source_location& where) {
  fmt::print(stderr, "ferrum: internal error: {} ({}:{}, {})\n", what, where.file_name(), where.line(),
             where.function_name());
  std::fflush(stderr);
  std::abort();
}

}  // namespace ferrum
