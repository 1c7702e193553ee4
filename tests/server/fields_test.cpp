// Fields of a request: read, reported as ignored, or refused; never silently dropped.
#include "server/api/fields.h"

#include <gtest/gtest.h>

#include <functional>

#include "support/contains.h"

namespace ferrum::server {
namespace {

ApiError error_of(const std::function<void()>& work) {
  try {
    work();
  } catch (const ApiError& e) {
    return e;
  }
  ADD_FAILURE() << "nothing was refused";
  return {0, "", "", ""};
}

TEST(Fields, ARefusalNamesEveryFieldOfAllObjects) {
  const Json body = {{"bad", "x"}, {"tools", {1}}, {"inner", {{"odd", 1}}}, {"unknown", 1}};
  Fields fields(body);
  EXPECT_FALSE(fields.integer("bad", 0, 5));
  fields.refuse("tools", "not supported");
  Fields inner(fields, *fields.find("inner"), "inner");
  inner.refuse_others();  // does not throw: the body gathers
  const ApiError error = error_of([&] { fields.refuse_others(); });
  EXPECT_EQ(error.status(), 400);
  EXPECT_EQ(error.param(), "bad");
  EXPECT_EQ(error.code(), "invalid_value");
  for (const char* name : {"bad must be", "tools: not supported", "'inner.odd'", "'unknown'"})
    EXPECT_CONTAINS(std::string(error.what()), name);
}

TEST(Fields, AMissingFieldComesAfterWhatWasRefusedBefore) {
  const Json body = {{"flag", 3}};
  Fields fields(body);
  fields.flag("flag");
  const ApiError error = error_of([&] { fields.required("messages"); });
  EXPECT_EQ(error.param(), "flag");
  EXPECT_CONTAINS(std::string(error.what()), "messages is missing");
}

TEST(Fields, ManyRefusalsAreCounted) {
  Json body = Json::object();
  for (int i = 0; i < 100; ++i) body["unknown" + std::to_string(100 + i)] = i;
  const ApiError error = error_of([&] { Fields(body).refuse_others(); });
  EXPECT_CONTAINS(std::string(error.what()), "and 80 more");
}

TEST(Fields, NullAndNeutralValuesAskForNothing) {
  const Json body = {{"unknown", nullptr}, {"length_penalty", 1}, {"flag", false}};
  Fields fields(body);
  fields.refuse("length_penalty", "not supported", {1.0});  // numbers compare as numbers
  fields.refuse("flag", "not supported", {false});
  EXPECT_NO_THROW(fields.refuse_others());
  EXPECT_TRUE(fields.ignored().empty());
}

TEST(Fields, HintsAreReportedOnceOrRefused) {
  const Json body = {{"store", true}, {"tier", "auto"}, {"inner", {{"pad", true}}}};
  for (const Hints hints : {Hints::kReported, Hints::kRefused}) {
    Fields fields(body, hints);
    fields.hint("store", {false});
    fields.hint("store", {false});
    fields.hint("tier", {"auto"});
    fields.hint("absent");
    Fields inner(fields, *fields.find("inner"), "inner");
    inner.hint("pad");
    if (hints == Hints::kReported) {
      EXPECT_NO_THROW(fields.refuse_others());
      EXPECT_EQ(fields.ignored(), (std::vector<std::string>{"store", "inner.pad"}));
    } else {
      const ApiError error = error_of([&] { fields.refuse_others(); });
      EXPECT_EQ(error.param(), "store");
      EXPECT_CONTAINS(std::string(error.what()), "inner.pad");
    }
  }
}

TEST(Fields, ObjectsKeepTheirText) {
  const std::string readable =
      R"( {"b" : { "z":1.50 ,"a":[{"y":"}\"]","x" : [ ] }, 12345678901234567890] } ,)"
      R"( "\u0063":{} , "d":[[{"e":{"f":true}}]]})";
  const Json body = Json::parse(readable);
  Fields fields(body, Hints::kReported, readable);
  EXPECT_EQ(fields.source(body["b"]), R"({ "z":1.50 ,"a":[{"y":"}\"]","x" : [ ] }, 12345678901234567890] })");
  EXPECT_EQ(fields.source(body["b"]["a"][0]), R"({"y":"}\"]","x" : [ ] })");
  EXPECT_EQ(fields.source(body["c"]), "{}");
  EXPECT_EQ(fields.source(body["d"][0][0]["e"]), R"({"f":true})");
  EXPECT_EQ(fields.source(body["b"]["z"]), "1.5") << "only objects do";
  EXPECT_EQ(Fields(body).source(body["d"][0][0]), R"({"e":{"f":true}})") << "a body without a text";
}

}  // namespace
}  // namespace ferrum::server
