#include <gtest/gtest.h>

#include "backend/cpu/cpu_backend.h"
#include "backend/observers/checking_backend.h"
#include "backend/observers/recording_backend.h"
#include "backend/observers/timing_backend.h"
#include "operations.h"

namespace ferrum::test {
namespace {

using OnDisagreement = CheckingBackend::OnDisagreement;

const Operation& operation_named(const std::string& name) {
  for (const Operation& operation : all_operations())
    if (operation.name == name) return operation;
  throw std::runtime_error("no operation " + name);
}

void run(Backend& backend, const Operation& operation) {
  Bench bench(backend);
  operation.prepare(bench);
  bench.run();
}

// A backend with one fault: the last element of what `linear` gives is off by a percent.
class FaultyBackend final : public ObservingBackend {
 public:
  using ObservingBackend::ObservingBackend;

 protected:
  void observe(const OperationCall& call, FunctionRef<void()> operation) override {
    operation();
    if (call.name == "linear") *call.out.at<float>(call.out.rows - 1, call.out.cols - 1) *= 1.01f;
  }
};

TEST(CheckingBackend, FindsNothingWrongWithTheCpuBackend) {
  CpuBackend int8({.threads = 2});
  CpuBackend float32({.threads = 2, .activations = cpu::Activations::kFloat32});
  CheckingBackend checked_int8(int8, OnDisagreement::kCollect,
                               {.product = kQuantizedProduct, .experts = 2 * kQuantizedProduct});
  CheckingBackend checked_float32(float32, OnDisagreement::kCollect);
  for (const Operation& operation : all_operations()) {
    if (operation.name.starts_with("experts/many")) continue;  // slow on the reference
    run(checked_int8, operation);
    run(checked_float32, operation);
  }
  EXPECT_GT(checked_float32.operations(), 250);
  for (const CheckingBackend* checked : {&checked_int8, &checked_float32})
    for (const Disagreement& d : checked->disagreements())
      ADD_FAILURE() << checked->name() << ": " << d.message();
}

TEST(CheckingBackend, SaysWhichOperationAndWhere) {
  ReferenceBackend reference;
  FaultyBackend faulty(reference);
  CheckingBackend checked(faulty, OnDisagreement::kThrow);
  run(checked, operation_named("gather_rows"));
  try {
    run(checked, operation_named("linear/33rows/Q8_0/tokens64/bias/grid"));
    FAIL() << "not seen";
  } catch (const CheckFailure& failure) {
    const std::string message = failure.what();
    EXPECT_TRUE(
        message.starts_with("#1 linear [64, 64] × [33, 64] -> [64, 33]: out at row 63, column 32 is "))
        << message;
  }
}

TEST(CheckingBackend, CollectsAndContinues) {
  ReferenceBackend reference;
  FaultyBackend faulty(reference);
  CheckingBackend checked(faulty, OnDisagreement::kCollect);
  run(checked, operation_named("linear/33rows/Q8_0/tokens64/bias/grid"));
  run(checked, operation_named("linear/33rows/Q4_0/tokens64/bias/grid"));
  ASSERT_EQ(checked.disagreements().size(), 2U);
  const Disagreement& first = checked.disagreements()[0];
  EXPECT_EQ(first.row, 63);
  EXPECT_EQ(first.col, 32);
  EXPECT_NEAR(first.actual, first.expected * 1.01f, 1e-3);
}

// Spoils one number of every operation.
class Broken final : public ObservingBackend {
 public:
  using ObservingBackend::ObservingBackend;

 protected:
  void observe(const OperationCall& call, FunctionRef<void()> operation) override {
    operation();
    *call.out.at<float>(2, 5) = std::nanf("");
  }
};

TEST(CheckingBackend, ANotANumberIsADisagreement) {
  ReferenceBackend reference;
  Broken broken(reference);
  CheckingBackend checked(broken, OnDisagreement::kCollect);
  run(checked, operation_named("norm/rms/cols64"));
  ASSERT_EQ(checked.disagreements().size(), 1U);
  EXPECT_EQ(checked.disagreements()[0].row, 2);
  EXPECT_EQ(checked.disagreements()[0].col, 5);
}

TEST(CheckingBackend, LogsTheFirstDifferences) {
  ReferenceBackend reference;
  CheckingBackend checked(std::make_unique<Broken>(reference), OnDisagreement::kLog);
  testing::internal::CaptureStdout();
  for (int i = 0; i < 30; ++i) run(checked, operation_named("norm/rms/cols64"));
  const std::string logged = testing::internal::GetCapturedStdout();
  size_t lines = 0;
  for (size_t at = logged.find("check: #"); at != std::string::npos; at = logged.find("check: #", at + 1))
    ++lines;
  EXPECT_EQ(lines, 20U);
  EXPECT_NE(logged.find("further differences are not logged"), std::string::npos);
  EXPECT_TRUE(checked.disagreements().empty());
}

TEST(RecordingBackend, RemembersOperationsAndShapesInOrder) {
  ReferenceBackend reference;
  RecordingBackend recording(reference);
  run(recording, operation_named("attention/kv_f16"));
  run(recording, operation_named("expand/silu/cols64/Q8_0x37/Q8_0x37/tokens3"));
  run(recording, operation_named("experts/odd/tokens17"));
  const std::vector<std::string> expected = {
      "gather_rows [30, 256] -> [30, 256]",
      "rope_and_store [30, 256]",
      "attend [30, 256] -> [30, 128]",
      "expand [3, 64] × [74, 64] -> [3, 37]",
      "experts [17, 64] × [5, 192, 64] × [5, 64, 96] -> [17, 64]",
  };
  EXPECT_EQ(recording.operations(), expected);
  recording.clear();
  EXPECT_TRUE(recording.operations().empty());
}

TEST(TimingBackend, CountsCallsTimeAndBytes) {
  ReferenceBackend reference;
  TimingBackend timing(reference);
  for (int i = 0; i < 3; ++i) run(timing, operation_named("linear/7rows/Q8_0/tokens2/grid"));
  run(timing, operation_named("attention/kv_f16"));
  const auto& linear = timing.totals().at("linear");
  EXPECT_EQ(linear.calls, 3);
  EXPECT_GT(linear.seconds, 0);
  EXPECT_DOUBLE_EQ(linear.bytes, 3.0 * (2 * 64 * 4 + 2 * 7 * 4 + 7 * 68));
  // Queries and results, and the keys and values of 20 + 34 + 14 positions in halves.
  EXPECT_DOUBLE_EQ(timing.totals().at("attend").bytes, 30 * (256 + 128) * 4 + 68 * 2 * 64 * 2);

  const std::string table = timing.table();
  EXPECT_NE(table.find("linear [2, 64] × [7, 64] -> [2, 7]"), std::string::npos) << table;
  EXPECT_EQ(std::count(table.begin(), table.end(), '\n'), 5)
      << table;  // the head and four kinds of operation

  timing.clear();
  EXPECT_TRUE(timing.totals().empty());
}

TEST(TimingBackend, ExpertsCountOnlyTheGroupsThatTheTokensCanChoose) {
  ReferenceBackend reference;
  TimingBackend timing(reference);
  run(timing, operation_named("experts/Q8_0/tokens1"));  // 2 of 4
  const double group = 3 * 256 * 256 / 32 * 34;
  EXPECT_DOUBLE_EQ(timing.totals().at("experts").bytes, 2 * group + 2 * 256 * 4);
}

}  // namespace
}  // namespace ferrum::test
