// POST /v1/chat/completions
#include <deque>

#include "base/error.h"
#include "server/api/max_tokens.h"
#include "server/api/other_engines.h"
#include "server/api/sampling_fields.h"
#include "server/api/template_options.h"
#include "server/api/text_parts.h"
#include "server/api/thoughts.h"
#include "server/api/tool_history.h"
#include "server/openai/common.h"
#include "server/openai/openai.h"
#include "server/openai/timings.h"

namespace ferrum::server::openai {
namespace {

constexpr int kMaxTopLogprobs = 20;
constexpr const char* kPromptField = "messages";

constexpr TextPart kParts[] = {{"text", "text"}, {"refusal", "refusal"}};

ChatMessage message_of(const Fields& body, const Json& json, const std::string& path,
                       const ModelInfo& model) {
  Fields f(body, json, path);
  const Json& role = f.required("role");
  if (!role.is_string()) server::refuse(f.path_of("role"), "{} must be a string", f.path_of("role"));
  ChatMessage message = {.role = role.get<std::string>(), .content = {}};
  if (message.role == "developer") message.role = "system";  // the newer name of the same role
  static const std::vector<std::string> kRoles = {"system", "user", "assistant", "tool"};
  if (std::find(kRoles.begin(), kRoles.end(), message.role) == kRoles.end())
    server::refuse(f.path_of("role"), "{} must be system, developer, user, assistant or tool, not {}",
                   f.path_of("role"), in_quotes(message.role));
  // An assistant's message may lack content. In any message null stands for an empty one.
  if (message.role != "assistant" && !json.contains("content")) f.required("content");
  if (const Json* content = f.find("content"))
    message.content = text_of_parts(body, *content, f.path_of("content"), kParts);
  message.name = f.text("name").value_or("");
  if (message.role == "assistant") read_tool_calls(f, model, message);
  if (message.role == "tool") message.tool_call_id = f.text("tool_call_id").value_or("");
  f.refuse("function_call", "this older name of tool_calls is not supported");
  f.refuse("audio", "this model reads text only");
  // Other fields are tolerated, since clients send back whatever earlier answers contained.
  return message;
}

Json logprobs_json(const std::vector<TokenEvent>& tokens) {
  Json content = Json::array();
  for (const TokenEvent& event : tokens) content.push_back(token_json(event));
  return {{"content", std::move(content)}, {"refusal", nullptr}};
}

struct Shape {
  size_t choices = 1;
  bool logprobs = false;
  bool timings = false;
  bool thoughts = true;  // part of the response
  Thoughts::Start start = Thoughts::Start::kNone;
  int prompt_tokens = 0;  // for continuous_usage
};

class Whole final : public Format {
 public:
  Whole(Head head, const Shape& shape)
      : head_(std::move(head)),
        shape_(shape),
        choices_(shape.choices, Choice{.thoughts = Thoughts(shape.start)}) {}

  void take(size_t prompt, const Event& event, std::string& /*out*/) override {
    if (const auto* text = std::get_if<TextEvent>(&event)) {
      choice(text->choice).thoughts.take(text->text, choice(text->choice).pieces);
    } else if (const auto* token = std::get_if<TokenEvent>(&event)) {
      choice(token->choice).tokens.push_back(*token);
    } else if (const auto* finish = std::get_if<FinishEvent>(&event)) {
      choice(finish->choice).thoughts.end(choice(finish->choice).pieces);
      choice(finish->choice).reason = finish_reason(*finish);
      choice(finish->choice).usage = finish->usage;
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
  const char* prompt_field() const override { return kPromptField; }

 private:
  struct Choice {
    Thoughts thoughts;
    std::vector<Thoughts::Piece> pieces{};  // at most one piece of thoughts, then one of the answer
    std::vector<TokenEvent> tokens{};
    const char* reason = "length";
    Usage usage{};
  };
  Json message(const Choice& choice) const {
    Json message = {
        {"role", "assistant"}, {"content", ""}, {"refusal", nullptr}, {"annotations", Json::array()}};
    for (const Thoughts::Piece& piece : choice.pieces)
      if (!piece.thought || shape_.thoughts)
        message[piece.thought ? "reasoning_content" : "content"] = piece.text;
    return message;
  }
  Choice& choice(int index) { return choices_[static_cast<size_t>(index)]; }

  Head head_;
  Shape shape_;
  std::vector<Choice> choices_;
  UsageSum usage_;
};

class Stream final : public Format {
 public:
  Stream(Head head, const Shape& shape, const StreamOptions& options)
      : head_(std::move(head)),
        shape_(shape),
        options_(options),
        thoughts_(shape.choices, Thoughts(shape.start)),
        waiting_(shape.choices),
        generated_(shape.choices) {
    prefix_ = to_text({{"id", head_.id},
                       {"object", "chat.completion.chunk"},
                       {"created", head_.created},
                       {"model", head_.model},
                       {"service_tier", "default"}});
    prefix_.pop_back();  // chunks continue where the closing brace was
  }

  void begin(std::string& out) override {
    for (size_t i = 0; i < waiting_.size(); ++i)
      chunk(i, R"({"role":"assistant","content":"","refusal":null})", nullptr, out);
  }

  void take(size_t prompt, const Event& event, std::string& out) override {
    if (const auto* text = std::get_if<TextEvent>(&event)) {
      const auto choice = static_cast<size_t>(text->choice);
      pieces_.clear();
      generated_[choice] = text->generated_tokens;
      thoughts_[choice].take(text->text, pieces_);
      emit_pieces(choice, out);
    } else if (const auto* token = std::get_if<TokenEvent>(&event)) {
      waiting_[static_cast<size_t>(token->choice)].push_back(*token);
    } else if (const auto* finish = std::get_if<FinishEvent>(&event)) {
      const auto choice = static_cast<size_t>(finish->choice);
      pieces_.clear();
      thoughts_[choice].end(pieces_);
      emit_pieces(choice, out);
      generated_[choice] = finish->usage.generated_tokens;
      if (shape_.timings) timings_ = R"(,"timings":)" + to_text(timings_json(finish->usage));
      // The last chunk has the timings: with one choice the usage's, if it is sent.
      const bool is_last = shape_.choices > 1 || !options_.usage;
      chunk(choice, "{}", finish_reason(*finish), out, is_last ? timings_ : "");
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
  const char* prompt_field() const override { return kPromptField; }

 private:
  void emit_pieces(size_t choice, std::string& out) {
    for (const Thoughts::Piece& piece : pieces_)
      if (!piece.thought || shape_.thoughts)
        chunk(choice,
              (piece.thought ? R"({"reasoning_content":)" : R"({"content":)") + json_string(piece.text) + "}",
              nullptr, out);
  }

  void chunk(size_t choice, const std::string& delta, const char* reason, std::string& out,
             const std::string& further_members = "") {
    std::vector<TokenEvent>& tokens = waiting_[choice];
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
      return R"(,"usage":)" + to_text(usage_so_far(shape_.prompt_tokens, generated_[choice]));
    return options_.usage ? R"(,"usage":null)" : "";
  }

  Head head_;
  Shape shape_;
  StreamOptions options_;
  std::string prefix_;
  std::vector<Thoughts> thoughts_;                // of each choice
  std::vector<Thoughts::Piece> pieces_;           // of one event
  std::vector<std::vector<TokenEvent>> waiting_;  // tokens of each choice that wait for its next text
  std::vector<int> generated_;                    // tokens of each choice so far
  std::string timings_;                           // as a member, of the choice that finished last
  UsageSum usage_;
};

}  // namespace

ChatPrompt chat_prompt(Fields& f, const Engine& engine) {
  ChatPrompt chat;
  const Json& messages = f.required("messages");
  if (!messages.is_array() || messages.empty())
    server::refuse("messages", "messages must be an array with at least one message");
  for (size_t i = 0; i < messages.size(); ++i)
    chat.messages.push_back(message_of(f, messages[i], fmt::format("messages[{}]", i), engine.info()));
  name_results(chat.messages);
  chat.template_options = read_template_options(f, engine);
  if (!f.flag("add_generation_prompt").value_or(true)) chat.last_message = ChatPrompt::LastMessage::kClosed;
  if (f.flag("continue_final_message").value_or(false)) {
    if (chat.messages.back().role != "assistant")
      f.refuse_value("continue_final_message",
                     "continue_final_message: the last message is not an assistant's");
    else if (!chat.messages.back().tool_calls.empty())
      f.refuse_value("continue_final_message", "continue_final_message: the last message has tool calls");
    chat.last_message = ChatPrompt::LastMessage::kContinued;
  }
  return chat;
}

ApiRequest chat_completion(Fields& f, const Engine& engine) {
  ApiRequest api_request;
  const std::string model = model_of(f);
  Request r;
  r.sampling = engine.recommended_sampling();
  r.prompt = chat_prompt(f, engine);
  read_sampling(f, r);
  if (const auto most = read_max_tokens(f)) r.max_tokens = *most;

  const bool logprobs = f.flag("logprobs").value_or(false);
  const auto top = f.integer("top_logprobs", 0, kMaxTopLogprobs);
  if (top.value_or(0) > 0 && !logprobs)
    f.refuse_value("top_logprobs", "top_logprobs requires logprobs: true");
  if (logprobs) r.logprobs = static_cast<int>(top.value_or(0));

  const StreamOptions stream = read_stream(f);
  const bool timings = read_timings(f);
  check_choices(f, stream, r, 1);
  read_completion_hints(f);
  refuse_unserved(f);
  read_other_engines(f);
  f.refuse("echo", "the last message is not repeated", {false});
  f.refuse("add_special_tokens", "the chat template writes all special tokens", {false});
  const bool shows_thoughts = f.flag("include_reasoning").value_or(true);

  const std::string thoughts = f.text("reasoning_format").value_or("auto");
  if (thoughts != "auto" && thoughts != "none" && thoughts != "deepseek")
    f.refuse_value("reasoning_format",
                   "reasoning_format must be auto, deepseek or none, not " + in_quotes(thoughts));
  f.refuse_others();
  const Thoughts::Start start =
      thoughts == "none" ? Thoughts::Start::kNone : start_of_thoughts(engine, r.prompt);

  Shape shape = {.choices = static_cast<size_t>(r.choices),
                 .logprobs = logprobs,
                 .timings = timings,
                 .thoughts = shows_thoughts,
                 .start = start};
  if (stream.continuous_usage) {
    r.prompt = TokenPrompt{engine.tokens_of(r.prompt)};
    shape.prompt_tokens = static_cast<int>(std::get<TokenPrompt>(r.prompt).ids.size());
  }
  Head head = {.id = new_id("chatcmpl-"), .model = model};
  api_request.delivery = stream.delivery;
  if (stream.delivery == Delivery::kStream)
    api_request.format = std::make_unique<Stream>(std::move(head), shape, stream);
  else
    api_request.format = std::make_unique<Whole>(std::move(head), shape);
  api_request.requests.push_back(std::move(r));
  return api_request;
}

}  // namespace ferrum::server::openai
