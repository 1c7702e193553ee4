#include "base/json.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "support/errors.h"

namespace ferrum {
namespace {

using test::expect_error;

TEST(Json, KeepsOrderWhereAsked) {
  EXPECT_EQ(parse_ordered_json(R"({"b": 1, "a": [true, null]})", "x").dump(), R"({"b":1,"a":[true,null]})");
  EXPECT_EQ(parse_json(R"({"b": 1, "a": 2})", "x").dump(), R"({"a":2,"b":1})");
}

TEST(Json, NamesTheSourceAndThePosition) {
  expect_error(ErrorCode::kBadFile, {"config.json", "byte 9"},
               [] { parse_json(R"({"a": 1,})", "config.json"); });
  expect_error(ErrorCode::kBadFile, {"config.json"}, [] { parse_json("", "config.json"); });
  expect_error(ErrorCode::kBadFile, {"config.json"}, [] { parse_json("\"\xFF\"", "config.json"); });
}

TEST(Json, NothingHidesBehindANul) {
  using namespace std::string_literals;
  expect_error(ErrorCode::kBadFile, {"f", "byte 3"}, [] { parse_json("{}\0{}"s, "f"); });
  expect_error(ErrorCode::kBadFile, {"f", "byte 3"}, [] { parse_json("{}\0"s, "f"); });
}

TEST(Json, RefusesDuplicateKeys) {
  expect_error(ErrorCode::kBadFile, {"duplicate", "'a'"},
               [] { parse_json(R"({"x": {"a": 1, "a": 2}})", "f"); });
  EXPECT_NO_THROW(parse_json(R"([{"a": 1}, {"a": 2}])", "f"));
}

TEST(Json, KeepsItsBounds) {
  const std::string deep = std::string(100000, '[') + std::string(100000, ']');
  expect_error(ErrorCode::kBadFile, {"deeper than 128"}, [&] { parse_json(deep, "f"); });
  expect_error(ErrorCode::kBadFile, {"more than the 4 allowed"},
               [] { parse_json("[1, 2]", "f", {.max_bytes = 4}); });
  expect_error(ErrorCode::kBadFile, {"more than 1 keys"},
               [] { parse_json(R"({"a":1,"b":2})", "f", {.max_keys = 1}); });
}

}  // namespace
}  // namespace ferrum
