#include "server/process_stats.h"

#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <sstream>
#include <string>

namespace ferrum::server {
namespace {

// The boot time of the machine: "btime 1700000000" in /proc/stat.
double boot_time() {
  std::ifstream in("/proc/stat");
  std::string word;
  double seconds = 0;
  while (in >> word)
    if (word == "btime" && in >> seconds) break;
  return seconds;
}

uint64_t open_files() {
  std::error_code error;
  const std::filesystem::directory_iterator files("/proc/self/fd", error);
  if (error) return 0;
  // The iterator itself holds one of them open.
  return static_cast<uint64_t>(std::max<std::ptrdiff_t>(std::distance(begin(files), end(files)) - 1, 0));
}

}  // namespace

std::optional<ProcessStats> process_stats() {
  std::ifstream in("/proc/self/stat");
  std::string line;
  if (!std::getline(in, line)) return std::nullopt;
  // The second field is the program's name in parentheses and may contain spaces and parentheses.
  const size_t name_end = line.rfind(')');
  if (name_end == std::string::npos) return std::nullopt;
  std::istringstream fields(line.substr(name_end + 1));
  constexpr int kUserTime = 14, kSystemTime = 15, kStartTime = 22, kVirtualBytes = 23, kResidentPages = 24;
  double user = 0, system = 0, start = 0;
  ProcessStats stats;
  std::string field;
  for (int i = 3; i <= kResidentPages; ++i) {
    if (!(fields >> field)) return std::nullopt;
    const double value = i == 3 ? 0 : std::stod(field);
    if (i == kUserTime) user = value;
    if (i == kSystemTime) system = value;
    if (i == kStartTime) start = value;
    if (i == kVirtualBytes) stats.virtual_bytes = static_cast<uint64_t>(value);
    if (i == kResidentPages)
      stats.resident_bytes = static_cast<uint64_t>(value) * static_cast<uint64_t>(sysconf(_SC_PAGESIZE));
  }
  const auto ticks = static_cast<double>(sysconf(_SC_CLK_TCK));
  stats.cpu_seconds = (user + system) / ticks;
  stats.start_time = boot_time() + start / ticks;
  stats.open_files = open_files();
  rlimit limit = {};
  if (getrlimit(RLIMIT_NOFILE, &limit) == 0) stats.max_files = limit.rlim_cur;
  return stats;
}

}  // namespace ferrum::server
