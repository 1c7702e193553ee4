// The trees of calls, held against the parser: what a tree derives is read back as the call it stands for.
#include "tools/call_grammar.h"

#include <gtest/gtest.h>

#include <memory>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/random.h"
#include "tools/answers.h"
#include "tools/parser.h"

namespace ferrum::tools::testing {
namespace {

// Derives a text. `seed` decides choices, repetitions and texts; JSON values are of the schema's kind.
class Deriver {
 public:
  Deriver(const CallGrammar& grammar, uint64_t seed) : grammar_(grammar), seed_(seed) {}

  std::string text(int node) {
    const Node& n = grammar_.nodes.at(static_cast<size_t>(node));
    std::string out;
    switch (n.kind) {
      case NodeKind::kLiteral:
        return n.text;
      case NodeKind::kSequence:
        for (const int child : n.children) out += text(child);
        return out;
      case NodeKind::kChoice:
        return text(n.children.at(draw() % n.children.size()));
      case NodeKind::kRepeat: {
        const int most = n.most == Node::kNoLimit ? n.least + 2 : n.most;
        const int count = n.least + static_cast<int>(draw() % static_cast<uint64_t>(most - n.least + 1));
        for (int i = 0; i < count; ++i) out += text(n.children.at(0));
        return out;
      }
      case NodeKind::kJson:
        return value(n.schema ? *n.schema : OrderedJson::object(), n.schema.get()).dump();
      case NodeKind::kText:
        return "some text " + std::to_string(draw() % 10);
    }
    return out;
  }

 private:
  OrderedJson value(const OrderedJson& schema, const OrderedJson* root) {
    if (schema.contains("enum")) return schema["enum"][draw() % schema["enum"].size()];
    const unsigned types = types_of(schema, *root);
    if (types & kObjectType) {
      OrderedJson object = OrderedJson::object();
      if (schema.contains("properties"))
        for (const auto& [name, part] : schema["properties"].items()) object[name] = value(part, root);
      return object;
    }
    if (types & kStringType) return "</parameter> \"quoted\" ]";
    if (types & kArrayType) return {"x"};
    if (types & kBooleanType) return true;
    return 3;
  }
  uint64_t draw() { return random_bits(seed_, count_++); }

  const CallGrammar& grammar_;
  uint64_t seed_;
  uint64_t count_ = 0;
};

ParsedAnswer parse(const Format& format, const std::string& text, Phase phase) {
  Parser parser(format, std::make_shared<const ToolList>(tools_json()), {.phase = phase});
  ParsedAnswer answer;
  answer.add(parser.feed(text));
  answer.add(parser.finish());
  return answer;
}

class CallGrammars : public ::testing::TestWithParam<std::string> {};

TEST_P(CallGrammars, DeriveAnswersThatParseAsCallsAlone) {
  const Format format = format_named(GetParam());
  const bool headers = format.syntax == Syntax::kChannels || format.syntax == Syntax::kRecipients;
  const Phase phase = headers ? Phase::kHeader : Phase::kContent;
  const CallGrammar grammar = call_grammar(format, ToolList(tools_json()), {.phase = phase});
  for (uint64_t seed = 0; seed < 40; ++seed) {
    const std::string text = Deriver(grammar, seed).text(grammar.required);
    const ParsedAnswer answer = parse(format, text, phase);
    EXPECT_GE(answer.calls.size(), 1u) << text;
    EXPECT_EQ(answer.content, "") << text;
    for (const ParsedCall& call : answer.calls) {
      EXPECT_TRUE(call.complete) << text;
      EXPECT_TRUE(Json::accept(call.arguments)) << call.arguments;
    }
  }
}

TEST_P(CallGrammars, OfOneFunctionDeriveOneCallOfIt) {
  const Format format = format_named(GetParam());
  const bool headers = format.syntax == Syntax::kChannels || format.syntax == Syntax::kRecipients;
  const Phase phase = headers ? Phase::kHeader : Phase::kContent;
  const CallGrammar grammar = call_grammar(format, ToolList(tools_json()),
                                           {.only = "get_weather", .parallel = false, .phase = phase});
  for (uint64_t seed = 0; seed < 10; ++seed) {
    const std::string text = Deriver(grammar, seed).text(grammar.required);
    const ParsedAnswer answer = parse(format, text, phase);
    ASSERT_EQ(answer.calls.size(), 1u) << text;
    EXPECT_EQ(answer.calls[0].name, "get_weather");
    EXPECT_TRUE(Json::parse(answer.calls[0].arguments).contains("city")) << text;
  }
}

TEST_P(CallGrammars, BeginAtTheirTriggers) {
  const CallGrammar grammar = call_grammar(format_named(GetParam()), ToolList(tools_json()), {});
  for (const Trigger& trigger : grammar.triggers)
    for (uint64_t seed = 0; seed < 10; ++seed)
      EXPECT_TRUE(Deriver(grammar, seed).text(trigger.root).starts_with(trigger.text));
}

TEST_P(CallGrammars, PointBackwardsOnly) {
  const CallGrammar grammar = call_grammar(format_named(GetParam()), ToolList(tools_json()), {});
  for (size_t i = 0; i < grammar.nodes.size(); ++i)
    for (const int child : grammar.nodes[i].children) EXPECT_LT(child, static_cast<int>(i));
}

std::string test_name(const ::testing::TestParamInfo<std::string>& info) {
  std::string name = info.param;
  for (char& c : name)
    if (c == '-' || c == '.') c = '_';
  return name;
}

INSTANTIATE_TEST_SUITE_P(Formats, CallGrammars, ::testing::ValuesIn(family_names()), test_name);

TEST(CallGrammar, RefusesFunctionsThatAreNotThere) {
  EXPECT_THROW(call_grammar(format_named("hermes"), ToolList(tools_json()), {.only = "none"}), Error);
  EXPECT_THROW(call_grammar(format_named("hermes"), ToolList(), {}), Error);
}

}  // namespace
}  // namespace ferrum::tools::testing
