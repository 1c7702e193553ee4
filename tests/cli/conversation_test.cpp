#include "cli/conversation.h"

#include <gtest/gtest.h>

#include "support/errors.h"

namespace ferrum::cli {
namespace {

TEST(Conversation, GivesBackWhatWasKept) {
  const Conversation talk = {"You are \"terse\".\n",
                             {{"user", "Grüße \xf0\x9f\xa5\x81"}, {"assistant", std::string("a\0b", 3)}}};
  const Conversation read = conversation_from(to_json(talk), "x");
  EXPECT_EQ(read.system, talk.system);
  ASSERT_EQ(read.messages.size(), 2u);
  for (size_t i = 0; i < 2; ++i) {
    EXPECT_EQ(read.messages[i].role, talk.messages[i].role);
    EXPECT_EQ(read.messages[i].content, talk.messages[i].content);
  }
  EXPECT_EQ(conversation_from(to_json({"", {{"user", "\xff"}}}), "x").messages[0].content, "\xef\xbf\xbd");
}

TEST(Conversation, B25_WhatIsNoneIsRefused) {
  for (const char* text :
       {"", "{}", "[]", "nonsense", "{\"messages\": []}", "{\"ferrum_chat\": 1}",
        R"({"ferrum_chat": 1, "system": 5, "messages": []})", R"({"ferrum_chat": 1, "system": ""})",
        R"({"ferrum_chat": 1, "system": "", "messages": {}})",
        R"({"ferrum_chat": 1, "system": "", "messages": [5]})",
        R"({"ferrum_chat": 1, "system": "", "messages": [{"role": "user"}]})",
        R"({"ferrum_chat": 1, "system": "", "messages": [{"role": "user", "content": null}]})"})
    test::expect_error(ErrorCode::kBadFile, {"'x.session'"}, [&] { conversation_from(text, "'x.session'"); });
  test::expect_error(ErrorCode::kUnsupported, {"'x.session'", "version '2'"}, [] {
    conversation_from(R"({"ferrum_chat": 2, "system": "", "messages": []})", "'x.session'");
  });
}

}  // namespace
}  // namespace ferrum::cli
