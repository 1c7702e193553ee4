// The cores and memory that this process may use, as limited by the operating system and cgroups.
#pragma once
#include <cstddef>
#include <filesystem>
#include <optional>
#include <vector>

namespace ferrum {

// The limits of the process's cgroups (version 1 or 2), the tightest of all levels; empty: no limit.
struct CgroupLimits {
  std::optional<double> cpus;              // CPU seconds per second
  std::optional<size_t> memory_remaining;  // bytes until the limit, with file cache counted as free
};
// `root`: where /proc and /sys are.
CgroupLimits cgroup_limits(const std::filesystem::path& root = "/");

// The logical CPUs in this thread's affinity mask, ascending.
std::vector<int> allowed_cpus();

// `cpus` grouped by physical core, in order of each core's first CPU.
std::vector<std::vector<int>> cores_of(const std::vector<int>& cpus, const std::filesystem::path& root = "/");

// Binds the calling thread to these CPUs; empty: to all. Has no effect where the system, for example a
// sandbox, refuses.
void bind_this_thread(const std::vector<int>& cpus);

// The NUMA nodes of `cpus`, ascending; empty where the system does not report them.
std::vector<int> numa_nodes_of(const std::vector<int>& cpus, const std::filesystem::path& root = "/");

// One thread per physical core in the affinity mask, at most the whole CPUs of the cgroup quota, at least 1.
int default_thread_count();

// Bytes that can be allocated without swapping: MemAvailable, bounded by the cgroups' limits.
size_t available_memory(const std::filesystem::path& root = "/");

}  // namespace ferrum
