#include "base/machine.h"

#include <gtest/gtest.h>

#include <fstream>
#include <string>

#include "support/files.h"

namespace ferrum {
namespace {

namespace fs = std::filesystem;

// A made-up root with the files of /proc and /sys that matter.
class FakeRoot : public testing::Test {
 protected:
  void write(const fs::path& path, const std::string& text) const {
    fs::create_directories((root_ / path).parent_path());
    std::ofstream(root_ / path) << text;
  }

  test::TemporaryFolder folder_;
  const fs::path root_ = folder_.path();
};

TEST_F(FakeRoot, NoCgroupsNoLimits) {
  const CgroupLimits limits = cgroup_limits(root_);
  EXPECT_FALSE(limits.cpus);
  EXPECT_FALSE(limits.memory_remaining);
}

TEST_F(FakeRoot, Version2TakesTheTightestLevel) {
  write("proc/self/cgroup", "0::/kube/pod/box\n");
  write("sys/fs/cgroup/kube/pod/box/cpu.max", "max 100000\n");
  write("sys/fs/cgroup/kube/pod/cpu.max", "250000 100000\n");
  write("sys/fs/cgroup/kube/cpu.max", "800000 100000\n");
  write("sys/fs/cgroup/kube/pod/memory.max", "1000000\n");
  write("sys/fs/cgroup/kube/pod/memory.current", "900000\n");
  write("sys/fs/cgroup/kube/pod/memory.stat",
        "anon 600000\nfile 300000\ninactive_file 200000\nactive_file 50000\n");
  write("sys/fs/cgroup/kube/memory.max", "max\n");
  write("sys/fs/cgroup/kube/memory.current", "900000\n");
  const CgroupLimits limits = cgroup_limits(root_);
  EXPECT_DOUBLE_EQ(limits.cpus.value(), 2.5);
  EXPECT_EQ(limits.memory_remaining.value(), 1000000U - (900000 - 250000));  // file cache can be given back
}

TEST_F(FakeRoot, Version1WithThePathHiddenByANamespace) {
  write("proc/self/cgroup", "5:cpu,cpuacct:/docker/abc\n4:memory:/docker/abc\n");
  write("sys/fs/cgroup/cpu/cpu.cfs_quota_us", "150000\n");
  write("sys/fs/cgroup/cpu/cpu.cfs_period_us", "100000\n");
  write("sys/fs/cgroup/memory/memory.limit_in_bytes", "4096\n");
  write("sys/fs/cgroup/memory/memory.usage_in_bytes", "8192\n");
  const CgroupLimits limits = cgroup_limits(root_);
  EXPECT_DOUBLE_EQ(limits.cpus.value(), 1.5);
  EXPECT_EQ(limits.memory_remaining.value(), 0U);
}

TEST_F(FakeRoot, Version1WithoutLimits) {
  write("proc/self/cgroup", "5:cpu:/\n4:memory:/\n");
  write("sys/fs/cgroup/cpu/cpu.cfs_quota_us", "-1\n");
  write("sys/fs/cgroup/cpu/cpu.cfs_period_us", "100000\n");
  write("sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712\n");
  write("sys/fs/cgroup/memory/memory.usage_in_bytes", "8192\n");
  const CgroupLimits limits = cgroup_limits(root_);
  EXPECT_FALSE(limits.cpus);
  EXPECT_FALSE(limits.memory_remaining);
}

TEST_F(FakeRoot, B56_MemoryIsBoundedByTheCgroup) {
  write("proc/meminfo", "MemTotal:  1000 kB\nMemFree:   10 kB\nMemAvailable:    800 kB\n");
  EXPECT_EQ(available_memory(root_), 800U * 1024);
  write("proc/self/cgroup", "0::/\n");
  write("sys/fs/cgroup/memory.max", "500000\n");
  write("sys/fs/cgroup/memory.current", "100000\n");
  EXPECT_EQ(available_memory(root_), 400000U);
}

TEST_F(FakeRoot, SiblingsShareACore) {
  const int package[] = {0, 0, 0, 0, 1};
  const int core[] = {0, 1, 0, 1, 0};
  for (int cpu = 0; cpu < 5; ++cpu) {
    const fs::path topology = fs::path("sys/devices/system/cpu/cpu" + std::to_string(cpu)) / "topology";
    write(topology / "physical_package_id", std::to_string(package[cpu]) + "\n");
    write(topology / "core_id", std::to_string(core[cpu]) + "\n");
  }
  const std::vector<std::vector<int>> expected = {{0, 2}, {1, 3}, {4}, {9}};  // 9 is not described
  EXPECT_EQ(cores_of({0, 1, 2, 3, 4, 9}, root_), expected);
}

// Two cores of two CPUs each, and four of one: 0, 1 | 2, 3 | 4 | 5 | 6 | 7.
class Hybrid : public FakeRoot {
 protected:
  Hybrid() {
    for (int cpu = 0; cpu < 8; ++cpu) {
      const fs::path topology = folder_of(cpu) / "topology";
      write(topology / "physical_package_id", "0\n");
      write(topology / "core_id", std::to_string(cpu < 4 ? cpu / 2 : cpu) + "\n");
    }
  }
  static fs::path folder_of(int cpu) { return fs::path("sys/devices/system/cpu/cpu" + std::to_string(cpu)); }

  const std::vector<int> cpus_ = {0, 1, 2, 3, 4, 5, 6, 7};
};

TEST_F(Hybrid, IntelNamesItsFastCores) {
  EXPECT_EQ(fast_cpus(cpus_, root_), cpus_);  // nothing is said
  write("sys/devices/cpu_core/cpus", "0-3\n");
  write("sys/devices/cpu_atom/cpus", "4-7\n");
  EXPECT_EQ(fast_cpus(cpus_, root_), (std::vector<int>{0, 1, 2, 3}));
  EXPECT_EQ(fast_cpus({1, 3, 5}, root_), (std::vector<int>{1, 3}));
  EXPECT_EQ(fast_cpus({5, 6}, root_), (std::vector<int>{5, 6}));  // the process may use slow ones only
  EXPECT_EQ(default_thread_count(cpus_, root_), 2);
  EXPECT_EQ(default_thread_count({4, 5, 6}, root_), 3);
  write("proc/self/cgroup", "0::/\n");
  write("sys/fs/cgroup/cpu.max", "100000 100000\n");
  EXPECT_EQ(default_thread_count(cpus_, root_), 1);
}

TEST_F(Hybrid, ListsOfTypesAreReadAsWell) {
  write("sys/devices/system/cpu/types/intel_atom_0/cpulist", "0-1,4-7\n");
  write("sys/devices/system/cpu/types/intel_core_0/cpulist", "2,3\n");
  EXPECT_EQ(fast_cpus(cpus_, root_), (std::vector<int>{2, 3}));
}

TEST_F(Hybrid, AListThatIsNoneIsPassedOver) {
  write("sys/devices/cpu_core/cpus", "x,-3,5-,7-6,99999999999999999999\n");
  EXPECT_EQ(fast_cpus(cpus_, root_), cpus_);
}

TEST_F(Hybrid, CapacitiesTellMiddleAndSmallCoresApart) {
  const int capacity[] = {380, 380, 380, 380, 860, 860, 860, 1024};
  for (int cpu = 0; cpu < 8; ++cpu)
    write(folder_of(cpu) / "cpu_capacity", std::to_string(capacity[cpu]) + "\n");
  EXPECT_EQ(fast_cpus(cpus_, root_), (std::vector<int>{4, 5, 6, 7}));
  EXPECT_EQ(fast_cpus({0, 1, 2}, root_), (std::vector<int>{0, 1, 2}));
  EXPECT_EQ(default_thread_count(cpus_, root_), 4);
}

TEST_F(Hybrid, ThreadsAreBoundToFastCores) {
  write("sys/devices/cpu_core/cpus", "4-7\n");
  const Cores cores = ranked_cores(cpus_, root_);
  const std::vector<std::vector<int>> ranked = {{4}, {5}, {6}, {7}, {0, 1}, {2, 3}};
  EXPECT_EQ(cores.all, ranked);
  EXPECT_EQ(cores.fast, 4);
  EXPECT_TRUE(cores.differ());
  EXPECT_EQ(places_for(6, cores), ranked);
  EXPECT_EQ(places_for(4, cores), (std::vector<std::vector<int>>{{4}, {5}, {6}, {7}}));
  EXPECT_EQ(places_for(2, cores), (std::vector<std::vector<int>>{{4, 5, 6, 7}, {4, 5, 6, 7}}));
  EXPECT_EQ(places_for(5, cores), std::vector<std::vector<int>>(5));
  EXPECT_EQ(places_for(9, cores), std::vector<std::vector<int>>(9));
}

TEST_F(Hybrid, WhereCoresAreAlikeOnlyAFullPoolIsBound) {
  const Cores cores = ranked_cores(cpus_, root_);
  EXPECT_FALSE(cores.differ());
  EXPECT_EQ(places_for(6, cores), cores.all);
  EXPECT_EQ(places_for(4, cores), std::vector<std::vector<int>>(4));
}

TEST_F(FakeRoot, NodesOfSomeCpus) {
  for (const auto& [cpu, node] : {std::pair(0, 0), {1, 0}, {2, 1}, {3, 12}}) {
    const fs::path folder = "sys/devices/system/cpu/cpu" + std::to_string(cpu);
    write(folder / ("node" + std::to_string(node)) / "cpulist", "");
    write(folder / "nodes_are_not_named_so", "");
  }
  EXPECT_EQ(numa_nodes_of({3, 0, 1}, root_), (std::vector<int>{0, 12}));
  EXPECT_EQ(numa_nodes_of({2}, root_), std::vector<int>{1});
  EXPECT_EQ(numa_nodes_of({9}, root_), std::vector<int>{});
}

TEST(Machine, ThisOneHasCoresAndMemory) {
  EXPECT_GE(allowed_cpus().size(), 1U);
  EXPECT_GE(default_thread_count(), 1);
  EXPECT_LE(default_thread_count(), static_cast<int>(allowed_cpus().size()));
  EXPECT_GT(available_memory(), size_t{1} << 20);
}

}  // namespace
}  // namespace ferrum
