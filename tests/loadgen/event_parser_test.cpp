#include "loadgen/event_parser.h"

#include <gtest/gtest.h>

#include <vector>

#include "support/errors.h"

namespace ferrum::loadgen {
namespace {

using Events = std::vector<std::string>;

Events parsed(const std::vector<std::string_view>& pieces) {
  EventParser parser;
  Events events;
  for (const std::string_view piece : pieces)
    parser.feed(piece, [&](std::string_view data) { events.emplace_back(data); });
  return events;
}

TEST(EventParser, WhatTheSpecificationSays) {
  EXPECT_EQ(parsed({"data: a\n\ndata:b\n\n"}), (Events{"a", "b"}));
  EXPECT_EQ(parsed({"data:  a\n\n"}), Events{" a"}) << "one space goes";
  EXPECT_EQ(parsed({"data: a\ndata: b\n\n"}), Events{"a\nb"});
  EXPECT_EQ(parsed({"data\n\n"}), Events{""});
  EXPECT_EQ(parsed({": ping\n\n\n\nevent: x\nid: 7\nretry: 1\n\n"}), Events{}) << "no data, no event";
  EXPECT_EQ(parsed({"event: x\ndata: a\nid: 7\n\n"}), Events{"a"});
  EXPECT_EQ(parsed({"database: a\n\n"}), Events{});
  EXPECT_EQ(parsed({"\xEF\xBB\xBF"
                    "data: a\n\n"}),
            Events{"a"});
  EXPECT_EQ(parsed({"data: a\r\rdata: b\r\n\r\ndata: c\n\n"}), (Events{"a", "b", "c"}));
  EXPECT_EQ(parsed({"data: a\n"}), Events{}) << "it has not ended";
}

TEST(EventParser, CutAnywhereItSaysTheSame) {
  const std::string text = "data: {\"a\": \"ü\"}\r\n\r\n: x\n\ndata: b\ndata: c\n\ndata: d\r\r";
  const Events whole = parsed({text});
  ASSERT_EQ(whole, (Events{"{\"a\": \"ü\"}", "b\nc", "d"}));
  const std::string_view view = text;
  for (size_t i = 0; i <= view.size(); ++i)
    for (size_t j = i; j <= view.size(); ++j)
      ASSERT_EQ(parsed({view.substr(0, i), view.substr(i, j - i), view.substr(j)}), whole) << i << " " << j;
  std::vector<std::string_view> bytes;
  for (size_t i = 0; i < view.size(); ++i) bytes.push_back(view.substr(i, 1));
  EXPECT_EQ(parsed(bytes), whole);
}

TEST(EventParser, AnEventWithoutEndIsRefused) {
  const std::string line = "data: " + std::string(1 << 20, 'x') + "\n";
  EventParser parser;
  test::expect_error(ErrorCode::kBadFile, {"more than 4194304 bytes"}, [&] {
    for (int i = 0; i < 5; ++i) parser.feed(line, [](std::string_view) {});
  });
}

}  // namespace
}  // namespace ferrum::loadgen
