// What must hold for the table of operations × shapes × formats itself.
#include <gtest/gtest.h>

#include <cmath>
#include <set>

#include "backend/reference/reference_backend.h"
#include "operations.h"

namespace ferrum::test {
namespace {

TEST(OperationTable, NamesAreDistinctAndReferenceResultsAreFiniteAndNotAllZero) {
  std::set<std::string> names;
  ReferenceBackend reference;
  for (const Operation& operation : all_operations()) {
    EXPECT_TRUE(names.insert(operation.name).second) << operation.name;
    Bench bench(reference);
    operation.prepare(bench);
    bench.run();
    for (const std::vector<float>& values : bench.outputs()) {
      double squares = 0;
      for (const float v : values) squares += static_cast<double>(v) * v;
      EXPECT_TRUE(std::isfinite(squares)) << operation.name;
      EXPECT_GT(squares, 0) << operation.name;
    }
  }
  EXPECT_GT(names.size(), 250U);
}

TEST(OperationTable, DisagreementsAreSeen) {
  const std::vector<std::vector<float>> expected = {{1, -1, 1, -1}};
  EXPECT_EQ(disagreement(expected, {{1, -1, 1, -1}}, Agreement::kExact), "");
  EXPECT_NE(disagreement(expected, {{1, -1, 1, -1.0000001f}}, Agreement::kExact), "");
  EXPECT_EQ(disagreement(expected, {{1, -1, 1.00002f, -1}}, Agreement::kRounded), "");
  EXPECT_NE(disagreement(expected, {{1, -1, 1.0001f, -1}}, Agreement::kRounded), "");
  EXPECT_NE(disagreement(expected, {{1, -1, 1.04f, -1}}, Agreement::kHalf), "");
  EXPECT_EQ(disagreement(expected, {{1.01f, -1.01f, 0.99f, -1}}, Agreement::kQuantized), "");
  EXPECT_NE(disagreement(expected, {{1, -1, 1.1f, -1}}, Agreement::kQuantized), "");
  EXPECT_NE(disagreement(expected, {{1, -1, std::nanf(""), -1}}, Agreement::kQuantized), "");
  EXPECT_NE(disagreement(expected, {{1, -1, 1}}, Agreement::kQuantized), "");
}

}  // namespace
}  // namespace ferrum::test
