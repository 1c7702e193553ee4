#include "base/thread_pool.h"

#include <gtest/gtest.h>
#include <pthread.h>
#include <spdlog/spdlog.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <vector>

#include "base/log.h"
#include "base/machine.h"

namespace ferrum {
namespace {

using Clock = std::chrono::steady_clock;

double cpu_seconds() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& t) {
    return static_cast<double>(t.tv_sec) + 1e-6 * static_cast<double>(t.tv_usec);
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

TEST(ThreadPool, PartsCoverTheRangeInOrderAndDifferByOneAtMost) {
  for (const int64_t count : {0, 1, 2, 5, 7, 64, 1001})
    for (const int parts : {1, 2, 3, 5, 16}) {
      int64_t next = 0;
      for (int part = 0; part < parts; ++part) {
        const Range range = part_of(count, parts, part);
        EXPECT_EQ(range.begin, next);
        EXPECT_LE(range.size(), count / parts + 1);
        EXPECT_GE(range.size(), count / parts);
        next = range.end;
      }
      EXPECT_EQ(next, count);
    }
}

TEST(ThreadPool, EveryIndexRunsOnceWhateverTheNumberOfThreads) {
  for (const int threads : {1, 2, 3, 5, 17}) {  // 17: more than this machine may have
    ThreadPool pool(threads);
    ASSERT_EQ(pool.size(), threads);
    for (int64_t count = 0; count < 70; ++count) {
      std::vector<int> runs(static_cast<size_t>(count));
      std::vector<int> parts_of_worker(static_cast<size_t>(threads));
      pool.parallel_for(count, [&](int64_t begin, int64_t end, int worker) noexcept {
        ++parts_of_worker[static_cast<size_t>(worker)];
        for (int64_t i = begin; i < end; ++i) ++runs[static_cast<size_t>(i)];
      });
      EXPECT_EQ(std::count(runs.begin(), runs.end(), 1), count);
      for (const int parts : parts_of_worker) EXPECT_LE(parts, 1);
    }
  }
}

TEST(ThreadPool, WhatOneTaskWroteTheNextOneSees) {
  ThreadPool pool(4);
  std::vector<int64_t> values(1000, 0);
  for (int round = 0; round < 2000; ++round) {
    // Each index reads its mirror image, which some other worker wrote in the round before.
    pool.parallel_for(500, [&](int64_t begin, int64_t end, int) noexcept {
      for (int64_t i = begin; i < end; ++i) {
        const auto from = static_cast<size_t>(round % 2 == 0 ? i : 999 - i);
        values[999 - from] = values[from] + 1;
      }
    });
  }
  EXPECT_EQ(*std::max_element(values.begin(), values.end()), 2000);
}

TEST(ThreadPool, EachWorkerRunsOnce) {
  ThreadPool pool(3);
  std::vector<int> runs(3);
  pool.on_each_worker([&](int worker) noexcept { ++runs[static_cast<size_t>(worker)]; });
  EXPECT_EQ(runs, (std::vector<int>{1, 1, 1}));
}

TEST(ThreadPool, AnIdlePoolSleeps) {
  ThreadPool pool(4);
  pool.parallel_for(4, [](int64_t, int64_t, int) noexcept {});
  usleep(20'000);
  const double before = cpu_seconds();
  usleep(200'000);
  EXPECT_LT(cpu_seconds() - before, 0.05) << "CPU seconds in 0.2 s of idleness";
}

TEST(ThreadPool, WakesAfterSleeping) {
  ThreadPool pool(3);
  for (int round = 0; round < 20; ++round) {
    usleep(2000);  // past the time of spinning
    std::atomic<int> sum = 0;
    pool.parallel_for(
        100, [&](int64_t begin, int64_t end, int) noexcept { sum += static_cast<int>(end - begin); });
    ASSERT_EQ(sum, 100);
  }
}

TEST(ThreadPool, BarrierLatency) {
  ThreadPool pool(default_thread_count());
  const auto nothing = [](int64_t, int64_t, int) noexcept {};
  constexpr int kRounds = 2000;
  std::vector<double> micros;
  for (int repeat = 0; repeat < 9; ++repeat) {
    const auto start = Clock::now();
    for (int i = 0; i < kRounds; ++i) pool.parallel_for(pool.size(), nothing);
    micros.push_back(std::chrono::duration<double, std::micro>(Clock::now() - start).count() / kRounds);
  }
  std::sort(micros.begin(), micros.end());
  std::printf("a task on %d threads, start to end: %.2f us (median), %.2f us (best)\n", pool.size(),
              micros[4], micros[0]);
  EXPECT_LT(micros[0], 1000);
}

TEST(ThreadPoolFaults, B69_ThreadsThatCannotBeMade) {
  // A default stack that no address space holds makes every thread fail, as a limit on threads would.
  pthread_attr_t normal;
  ASSERT_EQ(pthread_getattr_default_np(&normal), 0);
  pthread_attr_t huge;
  ASSERT_EQ(pthread_getattr_default_np(&huge), 0);
  ASSERT_EQ(pthread_attr_setstacksize(&huge, size_t{1} << 52), 0);
  ASSERT_EQ(pthread_setattr_default_np(&huge), 0);
  testing::internal::CaptureStdout();
  {
    ThreadPool pool(4);
    EXPECT_EQ(pthread_setattr_default_np(&normal), 0);
    EXPECT_EQ(pool.size(), 1);
    int64_t sum = 0;
    pool.parallel_for(10, [&](int64_t begin, int64_t end, int) noexcept { sum += end - begin; });
    EXPECT_EQ(sum, 10);
  }
  spdlog::default_logger()->flush();
  EXPECT_NE(testing::internal::GetCapturedStdout().find("only 1 of 4 threads could be created"),
            std::string::npos);
}

TEST(ThreadPoolFaults, B69_MoreThreadsThanCoresIsSlowerAndNeverHangs) {
  ThreadPool pool(4 * static_cast<int>(allowed_cpus().size()) + 1);
  int64_t sum = 0;
  for (int round = 0; round < 300; ++round) {
    std::atomic<int64_t> indices = 0;
    pool.parallel_for(1000, [&](int64_t begin, int64_t end, int) noexcept { indices += end - begin; });
    sum += indices;
  }
  EXPECT_EQ(sum, 300'000);
}

}  // namespace
}  // namespace ferrum
