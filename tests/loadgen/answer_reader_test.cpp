#include "loadgen/answer_reader.h"

#include <gtest/gtest.h>

#include "support/scripted_server.h"

namespace ferrum::loadgen {
namespace {

using test::chat_event;
using test::kDoneEvent;
using test::kFinishEvent;
using test::usage_event;
using CountedBy = Sample::CountedBy;

TEST(AnswerReader, TimesAreThoseOfParts) {
  AnswerReader reader;
  reader.take("data: {\"choices\":[{\"delta\":{\"role\":\"assistant\",\"content\":\"\"}}]}\n\n", 0.5);
  reader.take(chat_event("a"), 1);
  reader.take(chat_event("b") + chat_event("c"), 1.25);
  reader.take(chat_event("d"), 2);
  reader.take(kFinishEvent, 2.125);
  reader.take(usage_event(20, 16, 5), 2.25);
  reader.take(kDoneEvent, 2.5);
  const Sample s = reader.finish(9);
  EXPECT_FALSE(s.failure);
  EXPECT_EQ(s.first, 1);
  EXPECT_EQ(s.last, 2);
  EXPECT_EQ(s.end, 2.5) << "time after the end of the stream does not count";
  EXPECT_EQ(s.gaps, (std::vector<double>{0.25, 0, 0.75}));
  EXPECT_EQ(s.chunks, 4);
  EXPECT_EQ(s.counted_by, CountedBy::kUsage);
  EXPECT_EQ(s.prompt_tokens, 20);
  EXPECT_EQ(s.cached_tokens, 16);
  EXPECT_EQ(s.output_tokens, 5);
  EXPECT_EQ(s.time_per_token(), 0.25);
}

TEST(AnswerReader, WithoutUsagePartsAreCounted) {
  AnswerReader reader;
  reader.take(chat_event("a") + chat_event("b") + kFinishEvent, 1);
  const Sample s = reader.finish(3);
  EXPECT_FALSE(s.failure) << "a reason for the end is an end";
  EXPECT_EQ(s.counted_by, CountedBy::kChunks);
  EXPECT_EQ(s.output_tokens, 2);
  EXPECT_EQ(s.end, 3);
  AnswerReader short_one;
  short_one.take(chat_event("a") + kDoneEvent, 1);
  EXPECT_EQ(short_one.finish(1).time_per_token(), std::nullopt);
}

TEST(AnswerReader, WhatWentWrong) {
  const auto failure_of = [](const std::string& bytes) {
    AnswerReader reader;
    reader.take(bytes, 1);
    reader.take(chat_event("more") + kDoneEvent, 2);
    const Sample s = reader.finish(3);
    return s.failure.value_or(Failure{"none", ""});
  };
  EXPECT_EQ(failure_of("data: {\"error\":{\"message\":\"no room\"}}\n\n").kind, "error event");
  EXPECT_EQ(failure_of("data: {\"error\":{\"message\":\"no room\"}}\n\n").message, "no room");
  EXPECT_EQ(failure_of("data: {oops\n\n").kind, "malformed");
  EXPECT_EQ(failure_of("data: 7\n\n").kind, "malformed");
  EXPECT_EQ(failure_of("").kind, "none");

  AnswerReader cut;
  cut.take(chat_event("a"), 1);
  EXPECT_EQ(cut.finish(2).failure->kind, "disconnect");
  AnswerReader empty;
  empty.take(kFinishEvent + kDoneEvent, 1);
  EXPECT_EQ(empty.finish(2).failure->kind, "empty");
  AnswerReader late;
  late.fail({"timeout", "x"}, 4);
  late.fail({"other", "y"}, 5);
  const Sample s = late.finish(6);
  EXPECT_EQ(s.failure->kind, "timeout");
  EXPECT_EQ(s.end, 4);
  AnswerReader complete;
  complete.take(chat_event("a") + kDoneEvent, 1);
  complete.fail({"disconnect", "after the end"}, 2);
  EXPECT_FALSE(complete.finish(3).failure);
}

}  // namespace
}  // namespace ferrum::loadgen
