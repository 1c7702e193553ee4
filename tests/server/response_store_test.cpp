#include "server/openai/response_store.h"

#include <gtest/gtest.h>

namespace ferrum::server::openai {
namespace {

StoredResponse response(const std::string& id, size_t bytes) {
  return {.id = id, .body = std::string(bytes, 'x'), .input_items = "[]", .messages = {{"user", "hi"}}};
}

TEST(ResponseStore, KeepsTheMostRecentlyUsedWithinItsBound) {
  const size_t each = response("a", 1000).bytes();
  ResponseStore store(3 * each);
  for (const char* id : {"a", "b", "c"}) store.put(response(id, 1000));
  EXPECT_EQ(store.bytes(), 3 * each);
  EXPECT_TRUE(store.find("a"));
  store.put(response("d", 1000));
  EXPECT_FALSE(store.find("b"));
  EXPECT_TRUE(store.find("a"));
  EXPECT_TRUE(store.find("d"));
  EXPECT_LE(store.bytes(), 3 * each);
}

TEST(ResponseStore, WhatIsLargerThanEverythingPushesNothingOut) {
  ResponseStore store(5000);
  store.put(response("a", 1000));
  store.put(response("b", 10000));
  EXPECT_TRUE(store.find("a"));
  EXPECT_FALSE(store.find("b"));
}

TEST(ResponseStore, ItemsAreFoundAsLongAsTheirResponseIsKept) {
  ResponseStore store(100000);
  StoredResponse first = response("a", 10);
  first.items = {{"i", {ChatMessage{"user", "first"}}}, {"thought", {}}};
  StoredResponse second = response("b", 10);
  second.items = {{"i", {ChatMessage{"user", "second"}}}};
  store.put(first);
  store.put(second);
  EXPECT_EQ(store.find_item("i")->messages.at(0).content, "second");
  EXPECT_TRUE(store.find_item("thought")->messages.empty());
  EXPECT_FALSE(store.find_item("other"));
  store.erase("a");
  EXPECT_TRUE(store.find_item("i"));
  store.erase("b");
  EXPECT_FALSE(store.find_item("i"));
  EXPECT_FALSE(store.find_item("thought"));
}

TEST(ResponseStore, OneOfTheSameIdIsReplaced) {
  ResponseStore store(100000);
  store.put(response("a", 1000));
  store.put(response("a", 10));
  EXPECT_EQ(store.bytes(), response("a", 10).bytes());
  EXPECT_EQ(store.find("a")->body, std::string(10, 'x'));
}

TEST(ResponseStore, ReadingAResponseMarksItAsUsed) {
  ResponseStore store(5000);
  store.put(response("a", 10));
  const auto held = store.find("a");
  EXPECT_TRUE(store.erase("a"));
  EXPECT_FALSE(store.erase("a"));
  EXPECT_EQ(held->body, std::string(10, 'x'));
  EXPECT_EQ(store.bytes(), 0u);
}

}  // namespace
}  // namespace ferrum::server::openai
