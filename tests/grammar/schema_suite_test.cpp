// JSON-Schema-Test-Suite: how many schemas are taken, and no instance judged wrongly.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <set>
#include <sstream>

#include "grammar/compiled.h"
#include "support/paths.h"

namespace ferrum::grammar {
namespace {

using OrderedJson = nlohmann::ordered_json;

// Formats and content are asserted here or annotations there; vocabularies need other documents.
const std::set<std::string> kLeftOut = {"format.json", "format-assertion.json", "content.json",
                                        "vocabulary.json"};

struct Score {
  int schemas = 0, taken = 0;
};

void judge(const OrderedJson& group, const std::string& where, const char* draft, Score& score) {
  OrderedJson schema = group["schema"];
  if (schema.is_object() && !schema.contains("$schema")) schema["$schema"] = draft;
  ++score.schemas;
  std::shared_ptr<const Grammar> grammar;
  try {
    grammar = from_schema(schema.dump(), Spec::Writing::kAny);
  } catch (const Refusal& refusal) {
    // A schema that nothing fits is refused, which is right where the suite has no valid instance.
    bool is_empty = refusal.keyword() == "schema";
    for (const OrderedJson& test : group["tests"]) is_empty = is_empty && !test["valid"].get<bool>();
    if (is_empty) ++score.taken;
    return;
  }
  ++score.taken;
  for (const OrderedJson& test : group["tests"])
    EXPECT_EQ(takes(grammar, test["data"].dump()), test["valid"].get<bool>())
        << where << ": " << group["description"] << ": " << test["description"];
}

Score judge_folder(const char* folder, const char* draft) {
  Score score;
  for (const auto& entry :
       std::filesystem::directory_iterator(test::shared("eval/json-schema-test-suite") / folder)) {
    const std::string name = entry.path().filename();
    if (!entry.is_regular_file() || kLeftOut.contains(name)) continue;
    std::ifstream in(entry.path());
    for (const OrderedJson& group : OrderedJson::parse(in)) judge(group, name, draft, score);
  }
  return score;
}

TEST(GrammarSchemaSuite, Draft7) {
  FERRUM_NEEDS_SHARED("eval/json-schema-test-suite");
  const Score score = judge_folder("draft7", "http://json-schema.org/draft-07/schema#");
  EXPECT_GT(score.schemas, 200);
  EXPECT_GE(score.taken, score.schemas * 92 / 100);
}

TEST(GrammarSchemaSuite, Draft202012) {
  FERRUM_NEEDS_SHARED("eval/json-schema-test-suite");
  const Score score = judge_folder("draft2020-12", "https://json-schema.org/draft/2020-12/schema");
  EXPECT_GT(score.schemas, 300);
  EXPECT_GE(score.taken, score.schemas * 92 / 100);
}

}  // namespace
}  // namespace ferrum::grammar
