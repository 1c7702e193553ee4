#include "base/trace_file.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/resource.h>

#include <cmath>
#include <nlohmann/json.hpp>

#include "support/errors.h"
#include "support/files.h"

namespace ferrum {
namespace {

using nlohmann::json;
using Clock = TraceFile::Clock;

json events_of(const std::filesystem::path& path) {
  return json::parse(test::read_file(path))["traceEvents"];
}

TEST(TraceFile, IsWholeAfterEveryWrite) {
  const test::TemporaryFolder folder;
  const auto path = folder.path() / "t.json";
  TraceFile trace(path);
  EXPECT_EQ(events_of(path).size(), 0U);
  const auto begin = Clock::now();
  for (int i = 1; i <= 3; ++i) {
    trace.slice({}, "one", begin, begin + std::chrono::nanoseconds(1500));
    trace.flush();
    EXPECT_EQ(events_of(path).size(), static_cast<size_t>(i));
  }
  // More than the buffer takes.
  for (int i = 0; i < 5000; ++i) trace.slice({}, "many", begin, Clock::now(), {{"i", i}});
  EXPECT_GT(events_of(path).size(), 3000U);
}

TEST(TraceFile, WritesTheEvents) {
  const test::TemporaryFolder folder;
  const auto path = folder.path() / "t.json";
  Clock::time_point begin;
  {
    TraceFile trace(path);
    trace.name_group(2, "group");
    trace.name_track({2, 7}, "track");
    begin = Clock::now();
    trace.slice({2, 7}, "a \"name\" \\ \n", begin, begin + std::chrono::nanoseconds(1'002'003),
                {{"whole", -5}, {"number", 2.5}, {"text", "é\t"}, {"none", {}}, {"no number", std::nan("")}});
    trace.values(2, "curve", begin, {{"up", 3}});
  }
  const json events = events_of(path);
  ASSERT_EQ(events.size(), 4U);
  EXPECT_EQ(events[0]["name"], "process_name");
  EXPECT_EQ(events[0]["args"]["name"], "group");
  EXPECT_EQ(events[1]["name"], "thread_name");
  const json& slice = events[2];
  EXPECT_EQ(slice["ph"], "X");
  EXPECT_EQ(slice["pid"], 2);
  EXPECT_EQ(slice["tid"], 7);
  EXPECT_EQ(slice["name"], "a \"name\" \\ \n");
  EXPECT_DOUBLE_EQ(slice["dur"], 1002.003);
  EXPECT_GE(slice["ts"], 0);
  EXPECT_EQ(slice["args"], json({{"whole", -5}, {"number", 2.5}, {"text", "é\t"}, {"no number", 0}}));
  EXPECT_EQ(events[3]["ph"], "C");
  EXPECT_EQ(events[3]["args"]["up"], 3);
}

TEST(TraceFile, OverwritesTracesAndNothingElse) {
  const test::TemporaryFolder folder;
  const auto path = folder.path() / "t.json";
  for (int i = 0; i < 2; ++i) {
    TraceFile trace(path);
    trace.name_group(1, "group");
  }
  EXPECT_EQ(events_of(path).size(), 1U);
  // A flag's value is easily forgotten: `ferrum run --trace model.gguf`.
  const auto model = folder.write("model.gguf", "GGUF and gigabytes of weights, longer than a trace's head");
  test::expect_error(ErrorCode::kIo, {"model.gguf': exists and is not a trace"},
                     [&] { const TraceFile trace(model); });
  EXPECT_TRUE(test::read_file(model).starts_with("GGUF and"));
  const auto short_one = folder.write("short", "x");
  test::expect_error(ErrorCode::kIo, {"is not a trace"}, [&] { const TraceFile trace(short_one); });
}

TEST(TraceFile, RefusesWhatCannotBeWritten) {
  const test::TemporaryFolder folder;
  for (const std::string& path :
       {std::string("/no/such/folder/t.json"), folder.path().string(), std::string("/dev/full")})
    test::expect_error(ErrorCode::kIo, {"'" + path + "': "}, [&] { const TraceFile trace(path); });
  const TraceFile one(folder.path() / "t.json");
  test::expect_error(ErrorCode::kIo, {"another process"},
                     [&] { const TraceFile two(folder.path() / "t.json"); });
}

TEST(TraceFile, EndsWhereTheSystemRefusesToWrite) {
  const test::TemporaryFolder folder;
  const auto path = folder.path() / "t.json";
  rlimit before{};
  ASSERT_EQ(getrlimit(RLIMIT_FSIZE, &before), 0);
  const auto handler = signal(SIGXFSZ, SIG_IGN);
  rlimit limit = before;
  limit.rlim_cur = 100'000;
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &limit), 0);
  {
    TraceFile trace(path);
    const auto begin = Clock::now();
    for (int i = 0; i < 10'000; ++i) trace.slice({}, "slice", begin, begin, {{"i", i}});
  }
  setrlimit(RLIMIT_FSIZE, &before);
  signal(SIGXFSZ, handler);
  const json events = events_of(path);
  EXPECT_GT(events.size(), 300U);
  EXPECT_LT(events.size(), 2'000U);
}

}  // namespace
}  // namespace ferrum
