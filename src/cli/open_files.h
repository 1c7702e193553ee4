// The process's limit on open files, and so on connections.
#pragma once
#include <sys/resource.h>

#include <algorithm>

namespace ferrum::cli {

// Raises the limit to `count` or as far as the system allows, since shells start with 1024. Returns the limit
// then in effect.
inline rlim_t allow_open_files(rlim_t count) {
  rlimit limit;
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= count) return count;
  limit.rlim_cur = std::min(count, limit.rlim_max);
  setrlimit(RLIMIT_NOFILE, &limit);
  return limit.rlim_cur;
}

}  // namespace ferrum::cli
