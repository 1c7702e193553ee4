// What this process may use of the machine: cores and memory, as the operating system and its cgroups allow.
#pragma once
#include <cstddef>
#include <filesystem>
#include <optional>
#include <vector>

namespace ferrum {

// Limits of the cgroups (version 1 or 2) that the process is in, the tightest of all levels; empty: none.
struct CgroupLimits {
  std::optional<double> cpus;              // CPU seconds per second
  std::optional<size_t> memory_remaining;  // bytes until the limit, with file cache counted as free
};
// `root` is where /proc and /sys are looked for.
CgroupLimits cgroup_limits(const std::filesystem::path& root = "/");

// The logical CPUs in this thread's affinity mask, rising.
std::vector<int> allowed_cpus();

// `cpus` grouped by the physical core they belong to, in order of each core's first CPU.
std::vector<std::vector<int>> cores_of(const std::vector<int>& cpus, const std::filesystem::path& root = "/");

// The calling thread runs on these from now on; none: on any. Where that is refused, say by a sandbox,
// nothing changes.
void bind_this_thread(const std::vector<int>& cpus);

// The NUMA nodes that `cpus` belong to, rising; empty where the system does not say.
std::vector<int> numa_nodes_of(const std::vector<int>& cpus, const std::filesystem::path& root = "/");

// One per physical core within the affinity mask, no more than whole CPUs of the cgroups' quota, at least 1.
int default_thread_count();

// Bytes that can be allocated without swapping: MemAvailable, bounded by the cgroups' limits.
size_t available_memory(const std::filesystem::path& root = "/");

}  // namespace ferrum
