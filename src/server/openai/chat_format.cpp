#include "server/openai/chat_format.h"

#include <vector>

#include "server/api/answered_calls.h"
#include "server/openai/timings.h"

namespace ferrum::server::openai {
namespace {

using Part = PartEvent::Kind;

Json logprobs_json(const std::vector<TokenEvent>& tokens) {
  Json content = Json::array();
  for (const TokenEvent& event : tokens) content.push_back(token_json(event));
  return {{"content", std::move(content)}, {"refusal", nullptr}};
}

const char* reason_of(const FinishEvent& finish, const AnsweredCalls& calls, const ChatShape& shape) {
  if (!calls.end_answer(finish)) return finish_reason(finish);
  return shape.as_function_call ? "function_call" : "tool_calls";
}

class ChatFormat : public Format {
 public:
  ChatFormat(Head head, ChatShape shape) : head_(std::move(head)), shape_(std::move(shape)) {}
  RequestFields fields() const override {
    return {.prompt = "messages", .rule = shape_.rule_field, .functions = shape_.tools.fields()};
  }

 protected:
  Head head_;
  ChatShape shape_;
  UsageSum usage_;
};

class Whole final : public ChatFormat {
 public:
  Whole(Head head, ChatShape shape)
      : ChatFormat(std::move(head), std::move(shape)), choices_(shape_.choices) {}

  void take(size_t prompt, const Event& event, std::string& /*out*/) override {
    if (const auto* part = std::get_if<PartEvent>(&event)) {
      take_part(*part, choice(part->choice));
    } else if (const auto* token = std::get_if<TokenEvent>(&event)) {
      choice(token->choice).tokens.push_back(*token);
    } else if (const auto* finish = std::get_if<FinishEvent>(&event)) {
      Choice& ended = choice(finish->choice);
      ended.reason = reason_of(*finish, ended.calls, shape_);
      ended.usage = finish->usage;
      usage_.add(prompt, finish->usage);
    }
  }

  void end(std::string& out) override {
    Json choices = Json::array();
    for (size_t i = 0; i < choices_.size(); ++i)
      choices.push_back({{"index", i},
                         {"message", message(choices_[i])},
                         {"logprobs", shape_.logprobs ? logprobs_json(choices_[i].tokens) : Json()},
                         {"finish_reason", choices_[i].reason}});
    Json answer = {{"id", head_.id},       {"object", "chat.completion"}, {"created", head_.created},
                   {"model", head_.model}, {"usage", usage_.json()},      {"service_tier", "default"}};
    for (size_t i = 0; shape_.timings && i < choices_.size(); ++i)
      (choices_.size() == 1 ? answer : choices[i])["timings"] = timings_json(choices_[i].usage);
    answer["choices"] = std::move(choices);
    out += to_text(answer);
  }

  void fail(const ApiError& error, std::string& /*out*/) override { throw ApiError(error); }

 private:
  struct Choice {
    std::string thoughts, content;
    AnsweredCalls calls;
    std::vector<TokenEvent> tokens;
    const char* reason = "length";
    Usage usage;
  };

  void take_part(const PartEvent& part, Choice& choice) {
    if (part.kind == Part::kContent)
      choice.content += part.text;
    else if (part.kind == Part::kReasoning)
      choice.thoughts += part.text;
    else if (part.kind == Part::kCallBegin)
      choice.calls.begin(part, shape_.tools);
    else
      choice.calls.grow(part);
  }

  Json message(const Choice& choice) const {
    Json message = {{"role", "assistant"},
                    {"content", choice.content},
                    {"refusal", nullptr},
                    {"annotations", Json::array()}};
    if (!choice.thoughts.empty() && shape_.thoughts)
      message["reasoning_content"] = message["reasoning"] = choice.thoughts;
    if (choice.calls.empty()) return message;
    if (choice.content.empty()) message["content"] = nullptr;
    if (shape_.as_function_call) {
      const AnsweredCall& call = choice.calls.all().front();
      message["function_call"] = {{"name", call.tool.name}, {"arguments", call.text}};
      return message;
    }
    message["tool_calls"] = Json::array();
    for (const AnsweredCall& call : choice.calls.all()) {
      const bool custom = call.takes_text();
      const char* const type = custom ? "custom" : "function";
      message["tool_calls"].push_back(
          {{"id", call.id},
           {"type", type},
           {type, {{"name", call.tool.name}, {custom ? "input" : "arguments", call.text}}}});
    }
    return message;
  }

  Choice& choice(int index) { return choices_[static_cast<size_t>(index)]; }

  std::vector<Choice> choices_;
};

class Stream final : public ChatFormat {
 public:
  Stream(Head head, ChatShape shape, const StreamOptions& options)
      : ChatFormat(std::move(head), std::move(shape)), options_(options), choices_(shape_.choices) {
    prefix_ = to_text({{"id", head_.id},
                       {"object", "chat.completion.chunk"},
                       {"created", head_.created},
                       {"model", head_.model},
                       {"service_tier", "default"}});
    prefix_.pop_back();  // chunks continue where the closing brace was
  }

  void begin(std::string& out) override {
    for (size_t i = 0; i < choices_.size(); ++i)
      chunk(i, R"({"role":"assistant","content":"","refusal":null})", nullptr, out);
  }

  void take(size_t prompt, const Event& event, std::string& out) override {
    if (const auto* part = std::get_if<PartEvent>(&event)) {
      const auto choice = static_cast<size_t>(part->choice);
      choices_[choice].generated = part->generated_tokens;
      if (const std::string delta = delta_of(*part, choices_[choice].calls); !delta.empty())
        chunk(choice, delta, nullptr, out);
    } else if (const auto* token = std::get_if<TokenEvent>(&event)) {
      choices_[static_cast<size_t>(token->choice)].waiting.push_back(*token);
    } else if (const auto* finish = std::get_if<FinishEvent>(&event)) {
      const auto choice = static_cast<size_t>(finish->choice);
      choices_[choice].generated = finish->usage.generated_tokens;
      if (shape_.timings) timings_ = R"(,"timings":)" + to_text(timings_json(finish->usage));
      // The last chunk has the timings: with one choice the usage's, if it is sent.
      const bool is_last = shape_.choices > 1 || !options_.usage;
      chunk(choice, "{}", reason_of(*finish, choices_[choice].calls, shape_), out, is_last ? timings_ : "");
      usage_.add(prompt, finish->usage);
    }
  }

  void end(std::string& out) override {
    if (options_.usage)
      append_event(out, prefix_ + R"(,"choices":[],"usage":)" + to_text(usage_.json()) +
                            (shape_.choices == 1 ? timings_ : "") + "}");
    append_event(out, "[DONE]");
  }

  void fail(const ApiError& error, std::string& out) override { append_event(out, error_json(error)); }

 private:
  struct Choice {
    AnsweredCalls calls;
    std::vector<TokenEvent> waiting;  // tokens that wait for the next chunk
    int generated = 0;                // tokens so far
  };

  // Empty if the event adds nothing.
  std::string delta_of(const PartEvent& part, AnsweredCalls& calls) const {
    switch (part.kind) {
      case Part::kContent:
        return R"({"content":)" + json_string(part.text) + "}";
      case Part::kReasoning:
        if (!shape_.thoughts) return {};
        return fmt::format(R"({{"reasoning_content":{0},"reasoning":{0}}})", json_string(part.text));
      case Part::kCallBegin:
        return call_begin(calls.begin(part, shape_.tools), part.index);
      case Part::kArguments:
      case Part::kCallEnd:
        break;
    }
    const std::string text = calls.grow(part);
    return text.empty() ? "" : call_delta(calls.last(), part.index, text);
  }

  std::string call_begin(const AnsweredCall& call, int index) const {
    const std::string name = json_string(call.tool.name);
    if (shape_.as_function_call)
      return fmt::format(R"({{"function_call":{{"name":{},"arguments":""}}}})", name);
    const bool custom = call.takes_text();
    const char* const type = custom ? "custom" : "function";
    return fmt::format(R"({{"tool_calls":[{{"index":{},"id":{},"type":"{}","{}":{{"name":{},"{}":""}}}}]}})",
                       index, json_string(call.id), type, type, name, custom ? "input" : "arguments");
  }

  std::string call_delta(const AnsweredCall& call, int index, const std::string& text) const {
    if (shape_.as_function_call)
      return fmt::format(R"({{"function_call":{{"arguments":{}}}}})", json_string(text));
    const bool custom = call.takes_text();
    return fmt::format(R"({{"tool_calls":[{{"index":{},"{}":{{"{}":{}}}}}]}})", index,
                       custom ? "custom" : "function", custom ? "input" : "arguments", json_string(text));
  }

  void chunk(size_t choice, const std::string& delta, const char* reason, std::string& out,
             const std::string& further_members = "") {
    std::vector<TokenEvent>& tokens = choices_[choice].waiting;
    const std::string logprobs = shape_.logprobs && !tokens.empty() ? to_text(logprobs_json(tokens)) : "null";
    tokens.clear();
    append_event(
        out, fmt::format(R"({},"choices":[{{"index":{},"delta":{},"logprobs":{},"finish_reason":{}}}]{}{}}})",
                         prefix_, choice, delta, logprobs, reason ? fmt::format("\"{}\"", reason) : "null",
                         usage_member(choice), further_members));
  }

  // The usage member of a chunk that is not the last.
  std::string usage_member(size_t choice) const {
    if (options_.continuous_usage)
      return R"(,"usage":)" + to_text(usage_so_far(shape_.prompt_tokens, choices_[choice].generated));
    return options_.usage ? R"(,"usage":null)" : "";
  }

  StreamOptions options_;
  std::string prefix_;
  std::vector<Choice> choices_;
  std::string timings_;  // as a member, of the choice that finished last
};

}  // namespace

std::unique_ptr<Format> chat_format(Head head, ChatShape shape, const StreamOptions& stream) {
  if (stream.delivery == Delivery::kStream)
    return std::make_unique<Stream>(std::move(head), std::move(shape), stream);
  return std::make_unique<Whole>(std::move(head), std::move(shape));
}

}  // namespace ferrum::server::openai
