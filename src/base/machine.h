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

// Those of `cpus` whose cores are fast, where the system says that cores differ: what Intel's hybrid
// processors call cores, without those that they call atoms; elsewhere CPUs with at least two thirds of the
// largest cpu_capacity. Otherwise, or if none of them is fast, all.
std::vector<int> fast_cpus(const std::vector<int>& cpus, const std::filesystem::path& root = "/");

// The cores among `cpus` that threads work on, fast ones first, and how many are fast.
struct Cores {
  std::vector<std::vector<int>> all;  // the CPUs of each
  int fast = 0;

  bool differ() const { return fast < static_cast<int>(all.size()); }
};
Cores ranked_cores(const std::vector<int>& cpus, const std::filesystem::path& root = "/");

// The CPUs that each thread of a pool is bound to. If there is a thread for every core, or for every fast
// one, each has a core of its own; if there are fewer threads than fast cores, and slow ones as well, they
// share the fast ones. Otherwise lists are empty: the scheduler knows better where other processes run.
std::vector<std::vector<int>> places_for(int threads, const Cores& cores);

// Binds the calling thread to these CPUs; empty: to all. Has no effect where the system, for example a
// sandbox, refuses.
void bind_this_thread(const std::vector<int>& cpus);

// The NUMA nodes of `cpus`, ascending; empty where the system does not report them.
std::vector<int> numa_nodes_of(const std::vector<int>& cpus, const std::filesystem::path& root = "/");

// One thread per physical core in the affinity mask, without slow cores, at most the whole CPUs of the cgroup
// quota, at least 1.
int default_thread_count();
int default_thread_count(const std::vector<int>& cpus, const std::filesystem::path& root);

// Bytes that can be allocated without swapping: MemAvailable, bounded by the cgroups' limits.
size_t available_memory(const std::filesystem::path& root = "/");

}  // namespace ferrum
