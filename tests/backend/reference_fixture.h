// The oracle, and how its results are compared with numbers that were worked out by hand.
#pragma once
#include <gtest/gtest.h>

#include <list>

#include "backend/reference/reference_backend.h"
#include "block_step.h"

namespace ferrum::test {

class Reference : public testing::Test {
 protected:
  std::vector<float> values(Tensor t) {
    std::vector<float> all;
    for (int r = 0; r < t.rows; ++r) all.insert(all.end(), t.at<float>(r), t.at<float>(r) + t.cols);
    return all;
  }
  void expect_near(Tensor t, const std::vector<float>& expected) {
    const std::vector<float> actual = values(t);
    ASSERT_EQ(actual.size(), expected.size());
    for (size_t i = 0; i < actual.size(); ++i) EXPECT_NEAR(actual[i], expected[i], 1e-6) << "element " << i;
  }
  // A float32 weight with these elements.
  const Weight& weight(const std::vector<float>& elements, int rows, std::vector<float> bias = {},
                       int groups = 1) {
    stored_.push_back(elements);
    const std::vector<float>& kept = stored_.back();
    WeightSource source;
    source.groups = groups;
    source.parts = {{{"w",
                      Format::kF32,
                      {rows * groups, static_cast<int>(kept.size()) / (rows * groups)},
                      std::as_bytes(std::span(kept))}}};
    source.bias = std::move(bias);
    weights_.push_back(backend_.pack(source));
    return *weights_.back();
  }

  ReferenceBackend backend_;
  Bench bench_{backend_};
  std::list<std::vector<float>> stored_;
  std::vector<std::unique_ptr<Weight>> weights_;
};

}  // namespace ferrum::test
