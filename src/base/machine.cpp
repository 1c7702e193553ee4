#include "base/machine.h"

#include <sched.h>

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <fstream>
#include <iterator>
#include <map>
#include <set>
#include <string>
#include <string_view>

namespace ferrum {
namespace {

namespace fs = std::filesystem;

std::optional<std::string> first_line(const fs::path& path) {
  std::ifstream in(path);
  std::string line;
  if (!std::getline(in, line)) return std::nullopt;
  return line;
}

std::optional<int64_t> to_integer(std::string_view text) {
  int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end == text.data()) return std::nullopt;
  return value;
}

std::optional<int64_t> integer_in(const fs::path& path) {
  const auto line = first_line(path);
  return line ? to_integer(*line) : std::nullopt;
}

// The value after `key` in a file with lines "key value" or "key:   value kB".
std::optional<int64_t> field_in(const fs::path& path, std::string_view key) {
  std::ifstream in(path);
  std::string word;
  int64_t value = 0;
  while (in >> word) {
    if (word == key && in >> value) return value;
    in.clear();
    in.ignore(1024, '\n');
  }
  return std::nullopt;
}

template <class T>
void lower(std::optional<T>& bound, T value) {
  if (!bound || value < *bound) bound = value;
}

// Visits `folder` and its parents up to `mount`. In a container the process's path may not exist under the
// mount, whose root is then the container's own cgroup.
template <class Visit>
void each_level(const fs::path& mount, const fs::path& group, const Visit& visit) {
  fs::path level = group.relative_path();
  while (!level.empty()) {
    visit(mount / level);
    level = level.parent_path();
  }
  visit(mount);
}

void read_cpu_v2(const fs::path& level, CgroupLimits& limits) {
  const auto line = first_line(level / "cpu.max");  // "max 100000" or "150000 100000"
  if (!line) return;
  const size_t space = line->find(' ');
  const auto quota = to_integer(*line);
  const auto period =
      space == std::string::npos ? std::nullopt : to_integer(std::string_view(*line).substr(space + 1));
  if (quota && period && *period > 0)
    lower(limits.cpus, static_cast<double>(*quota) / static_cast<double>(*period));
}

void read_cpu_v1(const fs::path& level, CgroupLimits& limits) {
  const auto quota = integer_in(level / "cpu.cfs_quota_us");  // -1: no limit
  const auto period = integer_in(level / "cpu.cfs_period_us");
  if (quota && period && *quota > 0 && *period > 0)
    lower(limits.cpus, static_cast<double>(*quota) / static_cast<double>(*period));
}

struct MemoryFiles {
  const char* limit;
  const char* usage;
  const char* inactive;
  const char* active;
};
constexpr MemoryFiles kMemoryV2 = {"memory.max", "memory.current", "inactive_file", "active_file"};
constexpr MemoryFiles kMemoryV1 = {"memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file",
                                   "total_active_file"};

void read_memory(const fs::path& level, const MemoryFiles& files, CgroupLimits& limits) {
  const auto limit = integer_in(level / files.limit);  // "max" is not an integer
  const auto usage = integer_in(level / files.usage);
  if (!limit || !usage || *limit >= int64_t{1} << 60) return;  // version 1 has a huge number for "no limit"
  const fs::path stat = level / "memory.stat";
  const int64_t cache = field_in(stat, files.inactive).value_or(0) + field_in(stat, files.active).value_or(0);
  const int64_t used = std::max<int64_t>(0, *usage - cache);
  lower(limits.memory_remaining, static_cast<size_t>(std::max<int64_t>(0, *limit - used)));
}

bool names(std::string_view controllers, std::string_view controller) {
  while (!controllers.empty()) {
    const size_t comma = controllers.find(',');
    if (controllers.substr(0, comma) == controller) return true;
    if (comma == std::string_view::npos) break;
    controllers.remove_prefix(comma + 1);
  }
  return false;
}

// The CPUs of a list such as "0-7,16"; what is not understood is passed over.
std::set<int> cpus_of_list(std::string_view list) {
  std::set<int> cpus;
  while (!list.empty()) {
    const size_t comma = list.find(',');
    const std::string_view range = list.substr(0, comma);
    const size_t dash = range.find('-');
    const auto first = to_integer(range.substr(0, dash));
    const auto last = dash == std::string_view::npos ? first : to_integer(range.substr(dash + 1));
    constexpr int64_t kMostCpus = 1 << 20;
    if (first && last && *first >= 0 && *last < kMostCpus)
      for (int64_t cpu = *first; cpu <= *last; ++cpu) cpus.insert(static_cast<int>(cpu));
    if (comma == std::string_view::npos) break;
    list.remove_prefix(comma + 1);
  }
  return cpus;
}

// The CPUs that Linux lists as those of Intel's larger cores; it does so on hybrid processors only.
std::set<int> intel_cores(const fs::path& root) {
  std::set<int> cpus;
  const auto add = [&](const fs::path& path) {
    if (const auto line = first_line(path)) cpus.merge(cpus_of_list(*line));
  };
  std::error_code none;
  for (const fs::directory_entry& type : fs::directory_iterator(root / "sys/devices/system/cpu/types", none))
    if (type.path().filename().string().starts_with("intel_core")) add(type.path() / "cpulist");
  add(root / "sys/devices/cpu_core/cpus");
  return cpus;
}

std::optional<int64_t> capacity_of(int cpu, const fs::path& root) {
  return integer_in(root / "sys/devices/system/cpu" / ("cpu" + std::to_string(cpu)) / "cpu_capacity");
}

}  // namespace

CgroupLimits cgroup_limits(const fs::path& root) {
  CgroupLimits limits;
  const fs::path mounts = root / "sys/fs/cgroup";
  std::ifstream in(root / "proc/self/cgroup");
  std::string line;
  while (std::getline(in, line)) {  // lines are id:controllers:path
    const size_t first = line.find(':');
    const size_t second = first == std::string::npos ? first : line.find(':', first + 1);
    if (second == std::string::npos) continue;
    const std::string controllers = line.substr(first + 1, second - first - 1);
    const fs::path group = line.substr(second + 1);
    if (controllers.empty()) {
      each_level(mounts, group, [&](const fs::path& level) {
        read_cpu_v2(level, limits);
        read_memory(level, kMemoryV2, limits);
      });
    }
    if (names(controllers, "cpu"))
      each_level(mounts / "cpu", group, [&](const fs::path& level) { read_cpu_v1(level, limits); });
    if (names(controllers, "memory"))
      each_level(mounts / "memory", group,
                 [&](const fs::path& level) { read_memory(level, kMemoryV1, limits); });
  }
  return limits;
}

std::vector<int> allowed_cpus() {
  std::vector<int> cpus;
  for (int capacity = 1024; capacity <= 1 << 20; capacity *= 2) {  // grows until it holds the kernel's mask
    cpu_set_t* set = CPU_ALLOC(static_cast<size_t>(capacity));
    if (set == nullptr) break;
    const size_t bytes = CPU_ALLOC_SIZE(static_cast<size_t>(capacity));
    CPU_ZERO_S(bytes, set);
    const bool known = sched_getaffinity(0, bytes, set) == 0;
    for (int cpu = 0; known && cpu < capacity; ++cpu)
      if (CPU_ISSET_S(static_cast<size_t>(cpu), bytes, set)) cpus.push_back(cpu);
    CPU_FREE(set);
    if (known) break;
  }
  if (cpus.empty()) cpus.push_back(0);
  return cpus;
}

std::vector<std::vector<int>> cores_of(const std::vector<int>& cpus, const fs::path& root) {
  std::vector<std::vector<int>> cores;
  std::map<std::pair<int64_t, int64_t>, size_t> index;  // (package, core) -> place in `cores`
  for (const int cpu : cpus) {
    const fs::path topology = root / "sys/devices/system/cpu" / ("cpu" + std::to_string(cpu)) / "topology";
    const auto package = integer_in(topology / "physical_package_id");
    const auto core = integer_in(topology / "core_id");
    if (!package || !core) {  // unknown: counts as a core of its own
      cores.push_back({cpu});
      continue;
    }
    const auto [place, is_new] = index.try_emplace({*package, *core}, cores.size());
    if (is_new) cores.emplace_back();
    cores[place->second].push_back(cpu);
  }
  return cores;
}

void bind_this_thread(const std::vector<int>& cpus) {
  cpu_set_t set;
  CPU_ZERO(&set);
  for (const int cpu : cpus)
    if (cpu < CPU_SETSIZE) CPU_SET(cpu, &set);
  if (CPU_COUNT(&set) > 0) sched_setaffinity(0, sizeof set, &set);
}

std::vector<int> numa_nodes_of(const std::vector<int>& cpus, const fs::path& root) {
  constexpr std::string_view kPrefix = "node";  // each CPU's folder has an entry such as node0
  std::set<int> nodes;
  for (const int cpu : cpus) {
    std::error_code none;
    for (const fs::directory_entry& entry :
         fs::directory_iterator(root / "sys/devices/system/cpu" / ("cpu" + std::to_string(cpu)), none)) {
      const std::string name = entry.path().filename();
      if (!name.starts_with(kPrefix)) continue;
      if (const auto node = to_integer(std::string_view(name).substr(kPrefix.size())))
        nodes.insert(static_cast<int>(*node));
    }
  }
  return {nodes.begin(), nodes.end()};
}

std::vector<int> fast_cpus(const std::vector<int>& cpus, const fs::path& root) {
  std::vector<int> fast;
  if (const std::set<int> cores = intel_cores(root); !cores.empty()) {
    std::copy_if(cpus.begin(), cpus.end(), std::back_inserter(fast),
                 [&](int cpu) { return cores.contains(cpu); });
  } else {
    int64_t largest = 0;
    for (const int cpu : cpus) largest = std::max(largest, capacity_of(cpu, root).value_or(0));
    std::copy_if(cpus.begin(), cpus.end(), std::back_inserter(fast),
                 [&](int cpu) { return 3 * capacity_of(cpu, root).value_or(largest) >= 2 * largest; });
  }
  return fast.empty() ? cpus : fast;
}

Cores ranked_cores(const std::vector<int>& cpus, const fs::path& root) {
  const std::vector<int> fast = fast_cpus(cpus, root);
  std::vector<int> slow;
  std::set_difference(cpus.begin(), cpus.end(), fast.begin(), fast.end(), std::back_inserter(slow));
  Cores cores = {.all = cores_of(fast, root)};
  cores.fast = static_cast<int>(cores.all.size());
  for (std::vector<int>& core : cores_of(slow, root)) cores.all.push_back(std::move(core));
  return cores;
}

std::vector<std::vector<int>> places_for(int threads, const Cores& cores) {
  const auto count = static_cast<size_t>(threads);
  if (count == cores.all.size() || threads == cores.fast)
    return {cores.all.begin(), cores.all.begin() + threads};
  std::vector<int> shared;
  if (cores.differ() && threads < cores.fast)
    for (int core = 0; core < cores.fast; ++core)
      shared.insert(shared.end(), cores.all[static_cast<size_t>(core)].begin(),
                    cores.all[static_cast<size_t>(core)].end());
  return std::vector<std::vector<int>>(count, shared);
}

int default_thread_count() { return default_thread_count(allowed_cpus(), "/"); }

int default_thread_count(const std::vector<int>& cpus, const fs::path& root) {
  int threads = ranked_cores(cpus, root).fast;
  // Rounded down: threads meet at barriers, and a thread throttled by the quota would delay all others.
  if (const auto quota = cgroup_limits(root).cpus; quota && *quota < threads)
    threads = static_cast<int>(*quota);
  return std::max(threads, 1);
}

size_t available_memory(const fs::path& root) {
  const int64_t kibibytes = field_in(root / "proc/meminfo", "MemAvailable:").value_or(0);
  auto bytes = static_cast<size_t>(std::max<int64_t>(0, kibibytes)) * 1024;
  if (const auto remaining = cgroup_limits(root).memory_remaining) bytes = std::min(bytes, *remaining);
  return bytes;
}

}  // namespace ferrum
