#include "cli/similar.h"

#include <gtest/gtest.h>

#include <vector>

namespace ferrum::cli {
namespace {

TEST(Similar, Distances) {
  EXPECT_EQ(edit_distance("", ""), 0);
  EXPECT_EQ(edit_distance("", "abc"), 3);
  EXPECT_EQ(edit_distance("serve", "serve"), 0);
  EXPECT_EQ(edit_distance("serv", "serve"), 1);
  EXPECT_EQ(edit_distance("serce", "serve"), 1);
  EXPECT_EQ(edit_distance("sreve", "serve"), 1) << "neighbours swapped";
  EXPECT_EQ(edit_distance("kitten", "sitting"), 3);
}

TEST(Similar, WhatIsLikeNothingIsNothing) {
  const std::vector<std::string> commands = {"run", "serve", "bench", "bench-serve", "inspect"};
  EXPECT_EQ(most_similar("rn", commands), "run");
  EXPECT_EQ(most_similar("insp", commands), "inspect") << "how it begins";
  EXPECT_EQ(most_similar("bench-srve", commands), "bench-serve");
  EXPECT_EQ(most_similar("x", commands), std::nullopt);
  EXPECT_EQ(most_similar("", commands), std::nullopt);
  EXPECT_EQ(most_similar("frobnicate", commands), std::nullopt);
  EXPECT_EQ(most_similar(std::string(100000, 'x'), commands), std::nullopt);
  EXPECT_EQ(did_you_mean("frobnicate", commands), "");
}

TEST(Similar, DashesDoNotCount) {
  const std::vector<std::string> options = {"-t", "--threads", "--temperature"};
  EXPECT_EQ(most_similar("-threads", options), "--threads");
  EXPECT_EQ(most_similar("--temprature", options), "--temperature");
  EXPECT_EQ(most_similar("-x", options), std::nullopt);
}

}  // namespace
}  // namespace ferrum::cli
