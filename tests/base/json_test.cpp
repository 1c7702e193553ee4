#include "base/json.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>

#include "support/errors.h"

namespace ferrum {
namespace {

using test::expect_error;

TEST(Json, KeepsOrderIfRequested) {
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

TEST(Json, NonFiniteNumbersWhereAllowed) {
  const std::string text = R"({"a": [NaN, -Infinity, Infinity], "b": "NaN \" Infinity", "NaN": 1})";
  const Json json = parse_json(text, "f", kPythonJson);
  EXPECT_TRUE(std::isnan(json["a"][0].get<double>()));
  EXPECT_EQ(json["a"][1].get<double>(), -std::numeric_limits<double>::infinity());
  EXPECT_EQ(json["a"][2].get<double>(), std::numeric_limits<double>::infinity());
  EXPECT_EQ(json["b"], "NaN \" Infinity");
  EXPECT_EQ(json["NaN"], 1);
  expect_error(ErrorCode::kBadFile, {"f", "byte 8"}, [&] { parse_json(text, "f"); });
}

TEST(Json, NonFiniteNumbersDoNotShiftPositions) {
  for (const char* text : {"[NaN, 1,]", "[NaN,-Infinity,Infinity x]", "[1, x, NaN]", "[NaN NaN]"}) {
    std::string finite = text;  // as long
    for (const auto& [word, number] :
         {std::pair("-Infinity", "-11111111"), {"Infinity", "11111111"}, {"NaN", "111"}})
      for (size_t at; (at = finite.find(word)) != std::string::npos;)
        finite.replace(at, std::string_view(word).size(), number);
    std::string expected;
    try {
      parse_json(finite, "f");
    } catch (const Error& e) {
      expected = e.what();
    }
    expect_error(ErrorCode::kBadFile, {expected}, [&] { parse_json(text, "f", kPythonJson); });
  }
}

}  // namespace
}  // namespace ferrum
