// POST /v1/chat/completions
#include <deque>

#include "base/error.h"
#include "server/api/sampling_fields.h"
#include "server/openai/common.h"
#include "server/openai/openai.h"

namespace ferrum::server::openai {
namespace {

constexpr int kMaxTokens = 1 << 30;
constexpr int kMaxTopLogprobs = 20;
constexpr const char* kPromptField = "messages";

// A text, or parts that are texts.
std::string content_of(const Json& content, const std::string& path) {
  if (content.is_string()) return content.get<std::string>();
  if (!content.is_array()) server::refuse(path, "{} must be a string or an array of parts", path);
  std::string text;
  for (size_t i = 0; i < content.size(); ++i) {
    Fields part(content[i], fmt::format("{}[{}]", path, i));
    const std::string type = part.text("type").value_or("");
    if (type != "text" && type != "refusal")
      throw ApiError(400, "unsupported_parameter", part.path_of("type"),
                     fmt::format("{}: only parts of type text are served", part.path_of("type")));
    const std::optional<std::string> piece = part.text(type);
    if (!piece) server::refuse(part.path_of(type), "{} is missing", part.path_of(type));
    part.refuse_others();
    text += *piece;
  }
  return text;
}

ChatMessage message_of(const Json& json, const std::string& path) {
  Fields f(json, path);
  const Json& role = f.required("role");
  if (!role.is_string()) server::refuse(f.path_of("role"), "{} must be a string", f.path_of("role"));
  ChatMessage message = {.role = role.get<std::string>(), .content = {}};
  if (message.role == "developer") message.role = "system";  // the newer name of the same
  static const std::vector<std::string> kRoles = {"system", "user", "assistant", "tool"};
  if (std::find(kRoles.begin(), kRoles.end(), message.role) == kRoles.end())
    server::refuse(f.path_of("role"), "{} must be system, developer, user, assistant or tool, not {}",
                   f.path_of("role"), in_quotes(message.role));
  message.content = content_of(f.required("content"), f.path_of("content"));
  f.refuse("name", "not served");
  f.refuse("tool_calls", "not served yet", {Json::array()});
  f.refuse("tool_call_id", "not served yet");
  f.refuse("function_call", "not served yet");
  f.refuse("audio", "there is only text");
  f.refuse("refusal", "not served", {""});
  f.refuse("annotations", "not served", {Json::array()});  // as this server's own answers have it
  f.find("reasoning_content");                             // templates leave it out as well
  f.refuse_others();
  return message;
}

Json chance_json(const TokenChance& chance) {
  std::vector<int> bytes;
  for (const char c : chance.bytes) bytes.push_back(static_cast<unsigned char>(c));
  return {{"token", chance.bytes}, {"logprob", chance.logprob}, {"bytes", bytes}};
}

Json logprobs_json(const std::vector<TokenEvent>& tokens) {
  Json content = Json::array();
  for (const TokenEvent& event : tokens) {
    Json token = chance_json(event.token);
    token["top_logprobs"] = Json::array();
    for (const TokenChance& chance : event.top) token["top_logprobs"].push_back(chance_json(chance));
    content.push_back(std::move(token));
  }
  return {{"content", std::move(content)}, {"refusal", nullptr}};
}

class Whole final : public Format {
 public:
  Whole(Head head, int choices, bool logprobs)
      : head_(std::move(head)), choices_(static_cast<size_t>(choices)), logprobs_(logprobs) {}

  void take(size_t prompt, const Event& event, std::string& /*out*/) override {
    if (const auto* text = std::get_if<TextEvent>(&event)) {
      choice(text->choice).text += text->text;
    } else if (const auto* token = std::get_if<TokenEvent>(&event)) {
      choice(token->choice).tokens.push_back(*token);
    } else if (const auto* finish = std::get_if<FinishEvent>(&event)) {
      choice(finish->choice).reason = finish_reason(*finish);
      usage_.add(prompt, finish->usage);
    }
  }

  void end(std::string& out) override {
    Json choices = Json::array();
    for (size_t i = 0; i < choices_.size(); ++i)
      choices.push_back({{"index", i},
                         {"message",
                          {{"role", "assistant"},
                           {"content", choices_[i].text},
                           {"refusal", nullptr},
                           {"annotations", Json::array()}}},
                         {"logprobs", logprobs_ ? logprobs_json(choices_[i].tokens) : Json()},
                         {"finish_reason", choices_[i].reason}});
    out += to_text({{"id", head_.id},
                    {"object", "chat.completion"},
                    {"created", head_.created},
                    {"model", head_.model},
                    {"choices", std::move(choices)},
                    {"usage", usage_.json()},
                    {"service_tier", "default"}});
  }

  void fail(const ApiError& error, std::string& /*out*/) override { throw ApiError(error); }
  const char* prompt_field() const override { return kPromptField; }

 private:
  struct Choice {
    std::string text;
    std::vector<TokenEvent> tokens;
    const char* reason = "length";
  };
  Choice& choice(int index) { return choices_[static_cast<size_t>(index)]; }

  Head head_;
  std::vector<Choice> choices_;
  bool logprobs_;
  UsageSum usage_;
};

class Stream final : public Format {
 public:
  Stream(Head head, int choices, bool logprobs, bool usage)
      : head_(std::move(head)),
        waiting_(static_cast<size_t>(choices)),
        logprobs_(logprobs),
        wants_usage_(usage) {
    prefix_ = to_text({{"id", head_.id},
                       {"object", "chat.completion.chunk"},
                       {"created", head_.created},
                       {"model", head_.model},
                       {"service_tier", "default"}});
    prefix_.pop_back();  // chunks go on where the brace was
  }

  void begin(std::string& out) override {
    for (size_t i = 0; i < waiting_.size(); ++i)
      chunk(i, R"({"role":"assistant","content":"","refusal":null})", nullptr, out);
  }

  void take(size_t prompt, const Event& event, std::string& out) override {
    if (const auto* text = std::get_if<TextEvent>(&event)) {
      chunk(static_cast<size_t>(text->choice), R"({"content":)" + json_string(text->text) + "}", nullptr,
            out);
    } else if (const auto* token = std::get_if<TokenEvent>(&event)) {
      waiting_[static_cast<size_t>(token->choice)].push_back(*token);
    } else if (const auto* finish = std::get_if<FinishEvent>(&event)) {
      chunk(static_cast<size_t>(finish->choice), "{}", finish_reason(*finish), out);
      usage_.add(prompt, finish->usage);
    }
  }

  void end(std::string& out) override {
    if (wants_usage_) append_event(out, prefix_ + R"(,"choices":[],"usage":)" + to_text(usage_.json()) + "}");
    append_event(out, "[DONE]");
  }

  void fail(const ApiError& error, std::string& out) override { append_event(out, error_json(error)); }
  const char* prompt_field() const override { return kPromptField; }

 private:
  void chunk(size_t choice, const std::string& delta, const char* reason, std::string& out) {
    std::vector<TokenEvent>& tokens = waiting_[choice];
    const std::string logprobs = logprobs_ && !tokens.empty() ? to_text(logprobs_json(tokens)) : "null";
    tokens.clear();
    append_event(
        out, fmt::format(R"({},"choices":[{{"index":{},"delta":{},"logprobs":{},"finish_reason":{}}}]{}}})",
                         prefix_, choice, delta, logprobs, reason ? fmt::format("\"{}\"", reason) : "null",
                         wants_usage_ ? R"(,"usage":null)" : ""));
  }

  Head head_;
  std::string prefix_;
  std::vector<std::vector<TokenEvent>> waiting_;  // of each choice: for its next text
  bool logprobs_;
  bool wants_usage_;
  UsageSum usage_;
};

}  // namespace

ChatPrompt chat_prompt(Fields& f) {
  ChatPrompt chat;
  const Json& messages = f.required("messages");
  if (!messages.is_array() || messages.empty())
    server::refuse("messages", "messages must be an array with a message at least");
  for (size_t i = 0; i < messages.size(); ++i)
    chat.messages.push_back(message_of(messages[i], fmt::format("messages[{}]", i)));
  if (const Json* options = f.find("chat_template_kwargs")) {
    if (!options->is_object())
      server::refuse("chat_template_kwargs", "chat_template_kwargs must be an object");
    chat.template_options = to_text(*options);
  }
  return chat;
}

Asked chat_completion(Fields& f, const Engine& engine) {
  Asked asked;
  asked.model = model_of(f);
  Request r;
  r.sampling = engine.recommended_sampling();
  r.prompt = chat_prompt(f);
  read_sampling(f, r);
  const auto newer = f.integer("max_completion_tokens", 0, kMaxTokens);
  const auto older = f.integer("max_tokens", 0, kMaxTokens);
  if (newer && older && *newer != *older)
    server::refuse("max_tokens", "max_tokens and max_completion_tokens say different things");
  if (newer || older) r.max_tokens = static_cast<int>(newer ? *newer : *older);

  const bool logprobs = f.flag("logprobs").value_or(false);
  const auto top = f.integer("top_logprobs", 0, kMaxTopLogprobs);
  if (top && !logprobs) server::refuse("top_logprobs", "top_logprobs are for logprobs: true");
  if (logprobs) r.logprobs = static_cast<int>(top.value_or(0));

  const StreamOptions stream = read_stream(f);
  refuse_best_of(stream, r);
  read_notes(f);
  refuse_unserved(f);
  f.refuse("reasoning_effort",
           "not served; what the model's template offers is asked for by chat_template_kwargs");
  f.refuse_others();

  Head head = {.id = new_id("chatcmpl-"), .model = asked.model};
  asked.delivery = stream.delivery;
  if (stream.delivery == Delivery::kStream)
    asked.format = std::make_unique<Stream>(std::move(head), r.choices, logprobs, stream.usage);
  else
    asked.format = std::make_unique<Whole>(std::move(head), r.choices, logprobs);
  asked.requests.push_back(std::move(r));
  return asked;
}

}  // namespace ferrum::server::openai
