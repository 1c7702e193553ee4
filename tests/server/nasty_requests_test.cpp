// Requests as no client should send them, to an engine that answers from a recording: whatever stands in a
// field, a request is answered or refused with the field's name, and a stream says what a whole answer says.
#include <gtest/gtest.h>

#include <memory>
#include <thread>

#include "base/random.h"
#include "ferrum/engine.h"
#include "server/client.h"
#include "server/server.h"
#include "server/streamed.h"
#include "support/files.h"

namespace ferrum {
namespace {

using nlohmann::json;
using test::Client;
using test::Reply;

// Writes functions and calls as Hermes does.
constexpr const char* kTemplate = R"({%- if tools %}system
{% for tool in tools %}{{ tool | tojson }}
{% endfor %}Calls: <tool_call>
{% endif %}{%- for message in messages %}{{ message.role }}
{% if message.reasoning_content %}<think>{{ message.reasoning_content }}</think>{% endif %}{{ message.content }}
{%- for call in message.tool_calls or [] %}<tool_call>{{ call.function | tojson }}</tool_call>{% endfor %}
{% endfor %}{% if add_generation_prompt %}assistant
{% endif %})";

constexpr const char* kAnswer =
    "<think>Hm.</think>I look.\n<tool_call>\n{\"name\": \"weather\", \"arguments\": {\"city\": \"Paris\", "
    "\"days\": 3}}\n"
    "</tool_call>\nDone.";
constexpr uint64_t kBroken = 60;  // answers

std::string word_of(uint64_t number) { return "zq" + std::to_string(number) + "z"; }
std::string question_of(uint64_t number) { return "question " + std::to_string(number) + "."; }

constexpr const char* kChat = "/v1/chat/completions";
constexpr const char* kResponses = "/v1/responses";
constexpr const char* kMessages = "/v1/messages";

struct Body {
  std::string path;
  json body;
};

// One of each API, with all that it has a shape for.
std::vector<Body> bodies() {
  const json schema =
      json::parse(R"({"type": "object", "properties": {"city": {"type": "string", "minLength": 1},
      "days": {"type": ["integer", "null"], "maximum": 14}, "at": {"$ref": "#/$defs/at"}},
      "required": ["city"], "additionalProperties": false, "$defs": {"at": {"type": "array", "items": {"enum": [1, "a"]}}}})");
  json chat = json::parse(
      R"({"model": "replay", "temperature": 0.7, "top_p": 0.9, "n": 1, "max_tokens": 200, "seed": 3,
      "stop": ["###"], "logit_bias": {"5": 1}, "user": "u",
      "reasoning_effort": "low", "parallel_tool_calls": true, "tool_choice": "auto", "logprobs": false,
      "messages": [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": [{"type": "text", "text": "What of broken?"}]},
        {"role": "assistant", "content": null, "reasoning_content": "Hm.", "tool_calls": [{"id": "c1", "type": "function",
          "function": {"name": "weather", "arguments": "{\"city\": \"Paris\"}"}}]},
        {"role": "tool", "tool_call_id": "c1", "content": "sun"},
        {"role": "user", "content": "And cut?", "name": "me"}],
      "tools": [{"type": "function", "function": {"name": "weather", "description": "Of a city", "strict": true}},
        {"type": "custom", "custom": {"name": "patch", "format": {"type": "text"}}}],
      "chat_template_kwargs": {"enable_thinking": true}})");
  chat["tools"][0]["function"]["parameters"] = schema;
  json plain = json::parse(
      R"({"model": "replay", "max_completion_tokens": 60, "messages": [{"role": "user", "content": "x"}],
      "response_format": {"type": "json_schema", "json_schema": {"name": "a", "strict": true}}})");
  plain["response_format"]["json_schema"]["schema"] = schema;
  json older = json::parse(R"({"model": "replay", "messages": [{"role": "user", "content": "x"},
      {"role": "assistant", "function_call": {"name": "f", "arguments": "{}"}}, {"role": "function", "name": "f", "content": "1"}],
      "functions": [{"name": "f"}], "function_call": "auto", "guided_choice": null})");
  json response = json::parse(
      R"({"model": "replay", "max_output_tokens": 200, "instructions": "Be brief.", "store": false,
      "input": [{"role": "user", "content": [{"type": "input_text", "text": "broken"}]},
        {"type": "reasoning", "id": "rs_1", "summary": [], "content": [{"type": "reasoning_text", "text": "Hm."}]},
        {"type": "function_call", "call_id": "c1", "name": "weather", "arguments": "{\"city\": \"Paris\"}"},
        {"type": "function_call_output", "call_id": "c1", "output": "sun"},
        {"type": "custom_tool_call", "call_id": "c2", "name": "patch", "input": "a"},
        {"type": "custom_tool_call_output", "call_id": "c2", "output": [{"type": "input_text", "text": "done"}]},
        {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "So."}]},
        {"role": "user", "content": "Well?"}],
      "tools": [{"type": "function", "name": "weather"}, {"type": "web_search"},
        {"type": "custom", "name": "patch", "format": {"type": "grammar", "syntax": "lark", "definition": "start: \"a\"+"}},
        {"type": "namespace", "name": "agents", "tools": [{"type": "function", "name": "open"}]}],
      "tool_choice": "auto", "parallel_tool_calls": false, "reasoning": {"effort": "low", "summary": "auto"},
      "text": {"format": {"type": "text"}, "verbosity": "low"}, "include": ["reasoning.encrypted_content"],
      "truncation": "disabled", "metadata": {"a": "b"}, "temperature": 1, "top_logprobs": 0})");
  response["tools"][0]["parameters"] = schema;
  json message = json::parse(
      R"({"model": "replay", "max_tokens": 200, "temperature": 0.5, "top_k": 5, "stop_sequences": ["###"],
      "system": [{"type": "text", "text": "Be brief.", "cache_control": {"type": "ephemeral"}}],
      "thinking": {"type": "enabled", "budget_tokens": 1024}, "metadata": {"user_id": "u"},
      "messages": [{"role": "user", "content": "broken"},
        {"role": "assistant", "content": [{"type": "thinking", "thinking": "Hm.", "signature": ""}, {"type": "text", "text": "So."},
          {"type": "tool_use", "id": "c1", "name": "weather", "input": {"city": "Paris"}}]},
        {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "c1", "is_error": false,
          "content": [{"type": "text", "text": "sun"}]}, {"type": "text", "text": "And cut?"}]}],
      "tools": [{"name": "weather", "description": "Of a city"}, {"type": "web_search_20250305", "name": "web_search"}],
      "tool_choice": {"type": "auto", "disable_parallel_tool_use": true}})");
  message["tools"][0]["input_schema"] = schema;
  return {{kChat, chat}, {kChat, plain}, {kChat, older}, {kResponses, response}, {kMessages, message}};
}

const std::vector<json>& odd_values() {
  static const std::vector<json> kValues = [] {
    std::vector<json> all =
        json::parse(R"([null, true, 3, -1, 0, 1e300, 2.5, 18446744073709551615, "", "x", "\u0000", [], {},
        [null], [[[]]], {"type": "x"}, {"type": "function"}, {"type": "text", "text": null}, "</tool_call>", "{", "{% if %}",
        {"$ref": "#"}, {"type": "object", "properties": {"a": {"if": 3}}}, {"type": "array", "items": {"$ref": "#/nowhere"}},
        {"not": {}}, {"type": "string", "pattern": "("}, {"oneOf": []}, "required", "none", "any", "assistant", "tool"])");
    all.emplace_back(std::string(5000, 'a'));
    json deep = 1;
    for (int i = 0; i < 20; ++i) deep = json{{"a", json::array({deep})}};
    all.push_back(deep);
    return all;
  }();
  return kValues;
}

// Every place in `value` below its root.
void add_places(const json& value, const json::json_pointer& at, std::vector<json::json_pointer>& all) {
  const json flat = value.is_structured() ? value : json();
  for (const auto& [key, inner] : flat.items()) {
    const json::json_pointer place = value.is_array() ? at / static_cast<size_t>(std::stoul(key)) : at / key;
    all.push_back(place);
    add_places(inner, place, all);
  }
}

class Random {
 public:
  explicit Random(uint64_t seed) : seed_(seed) {}
  size_t below(size_t end) { return random_bits(seed_, drawn_++) % end; }
  template <class List>
  const auto& of(const List& list) {
    return list[below(list.size())];
  }

 private:
  uint64_t seed_;
  uint64_t drawn_ = 0;
};

// With one to three places that have another value, are gone, come twice, or are in a list.
json disturbed(json body, Random& random) {
  for (size_t times = 1 + random.below(3); times > 0; --times) {
    std::vector<json::json_pointer> places;
    add_places(body, json::json_pointer(), places);
    if (places.empty()) return body;
    const json::json_pointer place = random.of(places);
    json& parent = body[place.parent_pointer()];
    json& value = body[place];
    switch (random.below(5)) {
      case 0:
      case 1:
        value = random.of(odd_values());
        break;
      case 2:
        if (parent.is_array()) {
          parent.erase(std::stoul(place.back()));
        } else {
          parent.erase(place.back());
        }
        break;
      case 3:
        if (parent.is_array()) {
          parent.push_back(json(value));
        } else {
          value = json::array({value});
        }
        break;
      default:
        value = json(body[random.of(places)]);
    }
  }
  return body;
}

// With faults, and with a word anywhere.
std::string broken_answer(uint64_t number) {
  Random random(1000 + number);
  std::string text = kAnswer;
  for (size_t faults = 1 + random.below(3); faults > 0; --faults) {
    const size_t at = random.below(text.size());
    const size_t size = 1 + random.below(std::min<size_t>(20, text.size() - at));
    switch (random.below(3)) {
      case 0:
        text.erase(at, size);
        break;
      case 1:
        text.insert(at, text.substr(at, size));
        break;
      default:
        text.resize(std::max<size_t>(at, 4));
    }
  }
  return text.insert(random.below(text.size() + 1), word_of(number));
}

std::string recorded() {
  std::string lines;
  for (uint64_t i = 0; i < kBroken; ++i)
    lines += json{{"when", question_of(i)}, {"answer", broken_answer(i)}}.dump() + '\n';
  return lines + json{{"answer", kAnswer}}.dump();
}

class NastyRequests : public testing::Test {
 protected:
  NastyRequests() : server_(options()) {
    EngineOptions options;
    options.replay.answers = folder_.write("answers.jsonl", recorded());
    options.replay.chat_template = folder_.write("template.jinja", kTemplate);
    options.threads = 1;
    options.max_context = 16384;
    server_.models().add("replay", Engine::load(options));
    thread_ = std::thread([this] { server_.run(); });
    const std::string url = server_.url();
    port_ = std::stoi(url.substr(url.rfind(':') + 1));
  }
  ~NastyRequests() override {
    server_.stop(std::chrono::seconds(0));
    thread_.join();
  }

  static server::ServerOptions options() {
    server::ServerOptions options;
    options.http.port = 0;
    return options;
  }

  Reply post(const std::string& path, std::string_view body) {
    Reply reply;
    const auto took = test::milliseconds_of([&] { reply = Client(port_).post(path, body); });
    EXPECT_LT(took, std::chrono::seconds(10)) << path << body;
    EXPECT_GE(reply.status, 200) << "no answer to " << path << body;
    EXPECT_LT(reply.status, 500) << reply.body << "\nto " << path << body;
    return reply;
  }

  // Whether it was answered.
  bool expect_answer_or_refusal(const std::string& path, json body) {
    const Reply asked = post(path, body.dump());
    if (asked.status != 200) {
      expect_named_field(path, body, asked);
      return false;
    }
    const bool was_stream = body.is_object() && body.value("stream", json()) == true;
    body["stream"] = !was_stream;
    const Reply other = post(path, body.dump());
    EXPECT_EQ(other.status, 200) << other.body << "\nto " << path << body;
    if (other.status != 200) return true;
    const Reply& whole = was_stream ? other : asked;
    const Reply& streamed = was_stream ? asked : other;
    EXPECT_EQ(test::streamed_answer(path, streamed), test::whole_answer(path, whole)) << path << body;
    return true;
  }

  // A field that the request has, or that it lacks.
  static void expect_named_field(const std::string& path, const json& body, const Reply& refusal) {
    const json error = refusal.json().value("error", json::object());
    const std::string said = error.value("message", "");
    EXPECT_GE(refusal.status, 400) << refusal.body;
    EXPECT_FALSE(said.empty()) << refusal.body;
    if (path == kMessages) {
      const bool names =
          said.find('[') != std::string::npos || said.find('.') != std::string::npos ||
          std::ranges::any_of(
              std::array{"messages", "model", "max_tokens", "body", "tools", "tool_choice", "thinking",
                         "system", "stop_sequences", "metadata", "temperature", "top_k", "stream"},
              [&](const char* name) { return said.find(name) != std::string::npos; });
      EXPECT_TRUE(names) << refusal.body << "\nto " << body;
    } else {
      if (error.value("code", "") == "invalid_json") return;
      const std::string param = error["param"].is_string() ? error["param"].get<std::string>() : "";
      const std::string root = param.substr(0, param.find_first_of(".["));
      EXPECT_TRUE(body.contains(root) || said == root + " is missing")
          << refusal.body << "\nto " << path << body;
    }
  }

  test::TemporaryFolder folder_;
  server::Server server_;
  std::thread thread_;
  int port_ = 0;
};

TEST_F(NastyRequests, AreAnsweredOrRefusedByTheFieldsName) {
  constexpr int kOfEach = 120;
  uint64_t seed = 0;
  int answered = 0, refused = 0;
  for (const Body& each : bodies()) {
    EXPECT_TRUE(expect_answer_or_refusal(each.path, each.body)) << post(each.path, each.body.dump()).body;
    for (int i = 0; i < kOfEach; ++i) {
      Random random(++seed);
      const bool taken = expect_answer_or_refusal(each.path, disturbed(each.body, random));
      ++(taken ? answered : refused);
    }
  }
  EXPECT_GT(answered, 100);
  EXPECT_GT(refused, 100);
}

TEST_F(NastyRequests, AnswersThatAreBrokenSayTheSameWholeAndStreamed) {
  const json function = {{"name", "weather"}, {"parameters", {{"type", "object"}}}};
  for (uint64_t i = 0; i < kBroken; ++i) {
    const json turns = {{{"role", "user"}, {"content", question_of(i)}}};
    const std::vector<Body> asked = {
        {kChat,
         {{"messages", turns},
          {"max_tokens", 500},
          {"tools", {{{"type", "function"}, {"function", function}}}}}},
        {kResponses,
         {{"input", question_of(i)},
          {"tools",
           {{{"type", "function"},
             {"name", "weather"},
             {"strict", false},
             {"parameters", {{"type", "object"}}}}}}}},
        {kMessages,
         {{"messages", turns},
          {"max_tokens", 500},
          {"thinking", {{"type", "enabled"}, {"budget_tokens", 1024}}},
          {"tools", {{{"name", "weather"}, {"input_schema", {{"type", "object"}}}}}}}}};
    for (const auto& [path, body] : asked) {
      json whole = body;
      whole["model"] = "replay";
      EXPECT_TRUE(expect_answer_or_refusal(path, whole));
      const Reply reply = post(path, whole.dump());
      EXPECT_NE(reply.body.find(word_of(i)), std::string::npos) << broken_answer(i) << "\nis\n" << reply.body;
    }
  }
}

TEST_F(NastyRequests, BodiesThatAreNoJsonAreRefused) {
  uint64_t seed = 0;
  for (const Body& each : bodies())
    for (int i = 0; i < 40; ++i) {
      Random random(++seed);
      std::string text = each.body.dump();
      const size_t at = random.below(text.size());
      if (i % 2 == 0) {
        text.resize(at);
        EXPECT_EQ(post(each.path, text).status, 400) << text;
      } else {
        text[at] = static_cast<char>(random.below(256));
        const Reply reply = post(each.path, text);
        EXPECT_TRUE(reply.status == 200 || !reply.error().empty()) << reply.body;
      }
    }
}

}  // namespace
}  // namespace ferrum
