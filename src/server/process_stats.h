// Statistics of this process from the operating system.
#pragma once
#include <cstdint>
#include <optional>

namespace ferrum::server {

struct ProcessStats {
  double cpu_seconds = 0;  // of all threads, user and system
  double start_time = 0;   // Unix time, seconds
  uint64_t resident_bytes = 0;
  uint64_t virtual_bytes = 0;
  uint64_t open_files = 0;  // file descriptors
  uint64_t max_files = 0;   // the soft limit
};

// Reads /proc (proc(5)); nullopt if it cannot be read.
std::optional<ProcessStats> process_stats();

}  // namespace ferrum::server
