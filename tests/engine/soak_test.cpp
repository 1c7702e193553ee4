// Random load. Afterwards all resources are free and memory use is as before.
//
// For longer: engine_test --gtest_filter='Soak.*AnHour' --gtest_also_run_disabled_tests (or TenMinutes)
#include <gtest/gtest.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <fstream>
#include <random>
#include <thread>

#include "engine/answers.h"

namespace ferrum {
namespace {

constexpr int kClients = 6;
constexpr int kQueue = 4;  // fewer than there are clients: some are refused

double resident_mib() {
  std::ifstream file("/proc/self/statm");
  int64_t all = 0;
  int64_t resident = 0;
  file >> all >> resident;
  return static_cast<double>(resident * sysconf(_SC_PAGESIZE)) / (1 << 20);
}

struct Counts {
  std::atomic<int64_t> asked = 0;
  std::atomic<int64_t> refused = 0;  // the queue was full
  std::atomic<int64_t> late = 0;     // past their deadline
  std::atomic<int64_t> unread = 0;   // streams that were dropped before their first event
  std::atomic<int64_t> dropped = 0;  // and those later, before their end
  std::atomic<int64_t> finished = 0;
  std::atomic<int64_t> cancelled = 0;
};

class Client {
 public:
  Client(Engine& engine, uint64_t seed, Counts& counts) : engine_(engine), random_(seed), counts_(counts) {}

  void ask_once() {
    const auto stream = engine_.submit(request());
    ++counts_.asked;
    const int patience = below(4) == 0 ? below(20) : 1'000'000;  // events
    const bool cancels = below(2) == 0;
    for (int events = 0;; ++events) {
      if (events == patience && !cancels) {
        ++(events == 0 ? counts_.unread : counts_.dropped);
        return;
      }
      if (events == patience) stream->cancel();
      const std::optional<Event> event = stream->next();
      if (!event) return;
      if (const auto* error = std::get_if<ErrorEvent>(&*event)) {
        if (error->code == "queue_full") std::this_thread::sleep_for(std::chrono::milliseconds(1));
        EXPECT_TRUE(error->code == "queue_full" || error->code == "deadline") << error->message;
        ++(error->code == "queue_full" ? counts_.refused : counts_.late);
      } else if (const auto* finish = std::get_if<FinishEvent>(&*event)) {
        ++(finish->reason == FinishReason::kCancelled ? counts_.cancelled : counts_.finished);
      }
    }
  }

 private:
  int below(int n) { return static_cast<int>(random_() % static_cast<uint64_t>(n)); }

  Request request() {
    Request r;
    TokenPrompt prompt;
    const int shared = below(40);
    for (int i = 0; i < shared; ++i) prompt.ids.push_back(300 + i);
    for (int i = 1 + below(below(8) == 0 ? 40 : 15); i > 0; --i) prompt.ids.push_back(260 + below(1000));
    r.prompt = prompt;
    r.max_tokens = 1 + below(48);
    r.choices = below(6) == 0 ? 3 : 1;
    r.priority = below(3);
    r.sampling.seed = random_();
    if (below(3) == 0) r.logprobs = below(4);
    if (below(4) == 0) r.stop = {"the", "a stop string that is not often met"};
    if (below(8) == 0) r.deadline_seconds = 0.001 * (1 + below(100));
    if (below(4) == 0) r.cache_salt = std::to_string(below(3));
    return r;
  }

  Engine& engine_;
  std::mt19937_64 random_;
  Counts& counts_;
};

void load_for(std::chrono::duration<double> time) {
  const auto engine = Engine::load({.model = test::demonstration("demo-dense"),
                                    .threads = 1,
                                    .max_context = 128,
                                    .max_sequences = 8,
                                    .kv_tokens = 128,
                                    .queue = kQueue});
  const int blocks = engine->stats().free_blocks;
  Counts counts;
  std::vector<double> resident;
  {
    std::vector<std::jthread> clients;
    for (uint64_t i = 0; i < kClients; ++i)
      clients.emplace_back([&, i](const std::stop_token& stop) {
        Client client(*engine, i, counts);
        while (!stop.stop_requested()) client.ask_once();
      });
    constexpr int kLooks = 30;
    for (int i = 0; i < kLooks; ++i) {
      std::this_thread::sleep_for(time / kLooks);
      resident.push_back(resident_mib());
    }
  }
  // Requests whose streams were dropped last end in the next step.
  const auto give_up = std::chrono::steady_clock::now() + std::chrono::seconds(60);
  while (engine->stats().running + engine->stats().waiting > 0) {
    ASSERT_LT(std::chrono::steady_clock::now(), give_up) << "who is not waited for goes";
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  const EngineStats stats = engine->stats();
  EXPECT_EQ(stats.used_blocks, 0);
  EXPECT_EQ(stats.free_blocks + stats.cached_blocks, blocks);
  const int64_t ended = stats.finished + stats.cancelled + stats.failed;
  EXPECT_LE(ended, counts.asked - counts.refused);
  EXPECT_GE(ended, counts.asked - counts.refused - counts.unread) << "some of the unread were refused";
  EXPECT_GT(counts.finished, 10);
  EXPECT_GT(counts.dropped, 0);

  const double settled = *std::max_element(resident.begin() + 5, resident.begin() + 15);
  const double last = *std::max_element(resident.end() - 5, resident.end());
  EXPECT_LT(last, settled + 4) << "MiB";
  std::printf(
      "%lld requests: %lld answers finished, %lld cancelled; %lld streams dropped, %lld late, %lld refused; "
      "%lld preemptions; resident %.1f MiB settled, %.1f at the end\n",
      static_cast<long long>(counts.asked), static_cast<long long>(counts.finished),
      static_cast<long long>(counts.cancelled), static_cast<long long>(counts.dropped + counts.unread),
      static_cast<long long>(counts.late), static_cast<long long>(counts.refused),
      static_cast<long long>(stats.preemptions), settled, last);
}

TEST(Soak, RandomLoadLeavesNothingBehind) { load_for(std::chrono::seconds(5)); }

TEST(Soak, DISABLED_TenMinutes) { load_for(std::chrono::minutes(10)); }

TEST(Soak, DISABLED_AnHour) { load_for(std::chrono::hours(1)); }

}  // namespace
}  // namespace ferrum
