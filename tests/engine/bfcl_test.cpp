// Questions and functions of the Berkeley Function Calling Leaderboard: a weak model that has to call writes
// nothing but valid calls. Every 30th entry; all of them with FERRUM_BFCL=all. Prompts that leave too little
// of the model's context for an answer are passed over.
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <nlohmann/json.hpp>
#include <optional>

#include "engine/answers.h"
#include "grammar/compiled.h"
#include "support/paths.h"
#include "tools/call_structure.h"
#include "tools/tool_list.h"

namespace ferrum {
namespace {

struct Call {
  std::string name, arguments;
  bool complete = false;
};

std::vector<Call> calls_of(Engine& engine, Request request) {
  std::vector<Call> calls;
  std::string content;
  FinishReason reason = FinishReason::kMaxTokens;
  request.answer_as = Request::AnswerAs::kParts;
  engine.generate(std::move(request), [&](const Event& event) {
    if (const auto* error = std::get_if<ErrorEvent>(&event)) ADD_FAILURE() << error->message;
    if (const auto* finish = std::get_if<FinishEvent>(&event)) reason = finish->reason;
    const auto* part = std::get_if<PartEvent>(&event);
    if (part == nullptr) return;
    if (part->kind == PartEvent::Kind::kContent) content += part->text;
    if (part->kind == PartEvent::Kind::kCallBegin) calls.push_back({.name = part->name, .arguments = {}});
    if (part->kind == PartEvent::Kind::kArguments) calls.back().arguments += part->text;
    if (part->kind == PartEvent::Kind::kCallEnd) calls.back().complete = part->complete;
  });
  // An answer that was cut may end within the beginning of a call, which is content then.
  if (reason == FinishReason::kStop) {
    EXPECT_EQ(content, "");
  }
  return calls;
}

constexpr int kContext = 1024;
constexpr int kAnswer = 200;  // tokens

// Returns how many calls were complete; nothing where the prompt is too long.
std::optional<int> expect_valid_calls(Engine& engine, const OrderedJson& entry) {
  OrderedJson offered = OrderedJson::array();
  for (const OrderedJson& function : entry["function"])
    offered.push_back({{"type", "function"}, {"function", function}});
  const tools::ToolList list(offered);
  ChatPrompt chat;
  for (const OrderedJson& message : entry["question"][0])
    chat.messages.push_back({.role = message["role"], .content = message["content"]});
  chat.tools = {.functions = offered.dump(), .choice = ToolUse::Choice::kRequired};
  if (engine.tokens_of(chat).size() + kAnswer > kContext) return std::nullopt;
  Request request;
  request.prompt = std::move(chat);
  request.max_tokens = kAnswer;
  request.sampling.temperature = 0.7f;
  request.sampling.seed = 7;
  int complete = 0;
  for (const Call& call : calls_of(engine, std::move(request))) {
    const tools::Tool* const tool = list.find(call.name);
    EXPECT_NE(tool, nullptr) << call.name;
    if (tool == nullptr || !call.complete) continue;  // the last one may be cut
    ++complete;
    const auto judge = grammar::from_schema(tools::arguments_schema(*tool), grammar::Spec::Writing::kAny);
    EXPECT_TRUE(grammar::takes(judge, call.arguments)) << call.name << ": " << call.arguments;
  }
  return complete;
}

TEST(Bfcl, EveryCallIsValid) {
  FERRUM_NEEDS_SHARED("eval/bfcl");
  const char* const wanted = std::getenv("FERRUM_BFCL");
  const int step = wanted != nullptr && std::string(wanted) == "all" ? 1 : 30;
  const auto engine =
      Engine::load({.model = test::demonstration("demo-moe"), .threads = 2, .max_context = kContext});
  int entries = 0;
  int complete = 0;
  for (const char* name : {"BFCL_v4_simple_python.json", "BFCL_v4_parallel.json"}) {
    std::ifstream in(test::shared("eval/bfcl") / name);
    std::string line;
    for (int i = 0; std::getline(in, line); ++i) {
      if (i % step != 0) continue;
      const OrderedJson entry = OrderedJson::parse(line);
      SCOPED_TRACE(entry["id"].get<std::string>());
      const std::optional<int> calls = expect_valid_calls(*engine, entry);
      if (!calls) continue;
      ++entries;
      complete += *calls;
    }
  }
  EXPECT_GT(entries, 15);
  EXPECT_GT(complete, entries / 4);
  RecordProperty("entries", entries);
  RecordProperty("complete_calls", complete);
}

}  // namespace
}  // namespace ferrum
