#include <vector>

#include "base/error.h"
#include "server/anthropic/anthropic.h"
#include "server/api/ids.h"
#include "server/api/sampling_fields.h"
#include "server/api/text_parts.h"
#include "server/api/thoughts.h"

namespace ferrum::server::anthropic {
namespace {

constexpr const char* kPromptField = "messages";

constexpr TextPart kParts[] = {{"text", "text"}};

// What the documented kinds of error are called: mostly as OpenAI calls them.
const char* type_of(const ApiError& error) {
  if (error.status() == 413) return "request_too_large";
  if (error.status() == 503) return "overloaded_error";
  return error.status() < 500 ? error.type() : "api_error";
}

std::string error_body(const ApiError& error) {
  return to_text({{"type", "error"}, {"error", {{"type", type_of(error)}, {"message", error.what()}}}});
}

// Thoughts of earlier turns are left out, as templates leave them out.
Json without_thoughts(const Json& content) {
  if (!content.is_array()) return content;
  Json rest = Json::array();
  for (const Json& part : content)
    if (!part.is_object() ||
        (part.value("type", Json()) != "thinking" && part.value("type", Json()) != "redacted_thinking"))
      rest.push_back(part);
  return rest;
}

ChatPrompt chat_prompt(Fields& body) {
  ChatPrompt chat;
  if (const Json* system = body.find("system"))
    chat.messages.push_back({"system", text_of_parts(body, *system, "system", kParts)});
  const Json& messages = body.required("messages");
  if (!messages.is_array() || messages.empty())
    refuse("messages", "messages must be an array with a message at least");
  for (size_t i = 0; i < messages.size(); ++i) {
    Fields f(body, messages[i], fmt::format("messages[{}]", i));
    const std::string role = f.text("role").value_or("");
    if (role != "user" && role != "assistant")
      refuse(f.path_of("role"), "{} must be user or assistant, not {}", f.path_of("role"), in_quotes(role));
    const Json& content = f.required("content");
    std::string text = text_of_parts(body, role == "assistant" ? without_thoughts(content) : content,
                                     f.path_of("content"), kParts);
    f.refuse_others();
    // Neighbours of one role are one turn.
    if (!chat.messages.empty() && chat.messages.back().role == role)
      chat.messages.back().content += "\n\n" + text;
    else
      chat.messages.push_back({role, std::move(text)});
  }
  // An answer that the caller began is gone on with.
  if (chat.messages.back().role == "assistant") chat.last_message = ChatPrompt::LastMessage::kContinued;
  return chat;
}

// Switches what the model's template offers; how much is thought cannot be bounded.
std::string template_options(Fields& body) {
  const Json* thinking = body.find("thinking");
  const Json* options = body.object("chat_template_kwargs");
  Json all = options ? *options : Json::object();
  if (thinking) {
    Fields f(body, *thinking, "thinking");
    const std::string type = f.text("type").value_or("");
    if (type != "disabled" && type != "adaptive")
      refuse("thinking.type",
             "thinking.type must be disabled or adaptive, not {}: thoughts are bounded by max_tokens only",
             in_quotes(type));
    f.refuse("display", "thoughts are told as they are", {"summarized"});
    f.refuse_others();
    all["enable_thinking"] = type == "adaptive";
  }
  return all.empty() ? "" : to_text(all);
}

// What asks for nothing, and what is not served.
void read_rest(Fields& f) {
  f.object("metadata");
  f.refuse("service_tier", "there is one tier", {"auto", "standard_only"});
  f.refuse("cache_control", "every beginning is cached", {Json{{"type", "ephemeral"}}});
  f.refuse("container", "not served");
  f.refuse("context_management", "not served");
  f.refuse("mcp_servers", "not served", {Json::array()});
  f.refuse("output_config", "not served", {Json::object()});
  f.refuse("output_format", "not served yet");
  f.refuse("inference_geo", "there is one place");
  // Tools have their place here.
  f.refuse("tools", "not served yet", {Json::array()});
  f.refuse("tool_choice", "not served yet", {Json{{"type", "auto"}}, Json{{"type", "none"}}});
}

Json usage_json(const Usage& usage) {
  return {{"input_tokens", usage.prompt_tokens - usage.cached_tokens},
          {"cache_creation_input_tokens", 0},
          {"cache_read_input_tokens", usage.cached_tokens},
          {"output_tokens", usage.generated_tokens}};
}

const char* stop_reason(const FinishEvent& finish) {
  if (!finish.stop.empty()) return "stop_sequence";
  if (finish.reason == FinishReason::kContext) return "model_context_window_exceeded";
  return finish.reason == FinishReason::kStop ? "end_turn" : "max_tokens";
}

Json stop_sequence(const FinishEvent& finish) { return finish.stop.empty() ? Json() : Json(finish.stop); }

Json block(const Thoughts::Piece& piece) {
  if (piece.thought) return {{"type", "thinking"}, {"thinking", piece.text}, {"signature", ""}};
  return {{"type", "text"}, {"text", piece.text}, {"citations", nullptr}};
}

struct Head {
  std::string id = new_id("msg_");
  std::string model;
  int prompt_tokens = 0;

  Json message(Json content) const {
    return {{"id", id},
            {"type", "message"},
            {"role", "assistant"},
            {"model", model},
            {"content", std::move(content)},
            {"stop_reason", nullptr},
            {"stop_sequence", nullptr},
            {"usage", usage_json({.prompt_tokens = prompt_tokens})}};
  }
};

class Whole final : public Format {
 public:
  Whole(Head head, Thoughts::Start start) : head_(std::move(head)), thoughts_(start) {}

  void take(size_t /*prompt*/, const Event& event, std::string& /*out*/) override {
    if (const auto* text = std::get_if<TextEvent>(&event)) thoughts_.take(text->text, pieces_);
    if (const auto* finish = std::get_if<FinishEvent>(&event)) finish_ = *finish;
  }

  void end(std::string& out) override {
    thoughts_.end(pieces_);
    Json content = Json::array();
    for (const Thoughts::Piece& piece : pieces_) content.push_back(block(piece));
    Json message = head_.message(std::move(content));
    message["stop_reason"] = stop_reason(finish_);
    message["stop_sequence"] = stop_sequence(finish_);
    message["usage"] = usage_json(finish_.usage);
    out += to_text(message);
  }

  void fail(const ApiError& error, std::string& /*out*/) override { throw ApiError(error); }
  const char* prompt_field() const override { return kPromptField; }

 private:
  Head head_;
  Thoughts thoughts_;
  std::vector<Thoughts::Piece> pieces_;
  FinishEvent finish_;
};

class Stream final : public Format {
 public:
  Stream(Head head, Thoughts::Start start) : head_(std::move(head)), thoughts_(start) {}

  void begin(std::string& out) override {
    emit("message_start", {{"message", head_.message(Json::array())}}, out);
    emit("ping", Json::object(), out);
  }

  void take(size_t /*prompt*/, const Event& event, std::string& out) override {
    if (const auto* text = std::get_if<TextEvent>(&event)) {
      pieces_.clear();
      thoughts_.take(text->text, pieces_);
      emit_pieces(out);
    } else if (const auto* finish = std::get_if<FinishEvent>(&event)) {
      finish_ = *finish;
    }
  }

  void end(std::string& out) override {
    pieces_.clear();
    thoughts_.end(pieces_);
    emit_pieces(out);
    end_block(out);
    emit("message_delta",
         {{"delta", {{"stop_reason", stop_reason(finish_)}, {"stop_sequence", stop_sequence(finish_)}}},
          {"usage", usage_json(finish_.usage)}},
         out);
    emit("message_stop", Json::object(), out);
  }

  void fail(const ApiError& error, std::string& out) override {
    append_event(out, error_body(error), "error");
  }
  const char* prompt_field() const override { return kPromptField; }

 private:
  void emit(const char* type, Json data, std::string& out) {
    data["type"] = type;
    append_event(out, to_text(data), type);
  }

  void emit_pieces(std::string& out) {
    for (const Thoughts::Piece& piece : pieces_) {
      if (in_block_ && in_thoughts_ != piece.thought) end_block(out);
      if (!in_block_)
        emit("content_block_start", {{"index", blocks_}, {"content_block", block({piece.thought, ""})}}, out);
      in_block_ = true;
      in_thoughts_ = piece.thought;
      emit("content_block_delta",
           {{"index", blocks_},
            {"delta", piece.thought ? Json{{"type", "thinking_delta"}, {"thinking", piece.text}}
                                    : Json{{"type", "text_delta"}, {"text", piece.text}}}},
           out);
    }
  }

  void end_block(std::string& out) {
    if (!in_block_) return;
    emit("content_block_stop", {{"index", blocks_++}}, out);
    in_block_ = false;
  }

  Head head_;
  Thoughts thoughts_;
  std::vector<Thoughts::Piece> pieces_;  // of one event
  FinishEvent finish_;
  int blocks_ = 0;  // that are over
  bool in_block_ = false;
  bool in_thoughts_ = false;
};

}  // namespace

ApiRequest message(Fields& f, const Engine& engine) {
  Head head = {.model = model_of(f)};
  Request r;
  r.sampling = engine.recommended_sampling();
  ChatPrompt chat = chat_prompt(f);
  chat.template_options = template_options(f);
  read_sampling(f, r);
  if (r.choices != 1 || r.best_of > 1) refuse("n", "a message is one answer");
  if (const auto stop = f.texts("stop_sequences")) r.stop.insert(r.stop.end(), stop->begin(), stop->end());
  const auto most = f.integer("max_tokens", 1, kMaxTokens);
  if (!most) throw ApiError(400, "missing_required_parameter", "max_tokens", "max_tokens is missing");
  r.max_tokens = static_cast<int>(*most);
  const bool stream = f.flag("stream").value_or(false);
  read_rest(f);
  f.refuse_others();

  // Its length is the first thing that a stream tells.
  r.prompt = std::move(chat);
  const Thoughts::Start start = start_of_thoughts(engine, r.prompt);
  if (stream && !std::holds_alternative<TokenPrompt>(r.prompt))
    r.prompt = TokenPrompt{engine.tokens_of(r.prompt)};
  if (const auto* ids = std::get_if<TokenPrompt>(&r.prompt))
    head.prompt_tokens = static_cast<int>(ids->ids.size());

  ApiRequest api_request;
  api_request.delivery = stream ? Delivery::kStream : Delivery::kWhole;
  if (stream)
    api_request.format = std::make_unique<Stream>(std::move(head), start);
  else
    api_request.format = std::make_unique<Whole>(std::move(head), start);
  api_request.requests.push_back(std::move(r));
  return api_request;
}

Json count_tokens(Fields& f, const Engine& engine) {
  model_of(f);
  ChatPrompt chat = chat_prompt(f);
  chat.template_options = template_options(f);
  read_rest(f);
  f.refuse_others();
  return {{"input_tokens", engine.tokens_of(chat).size()}};
}

HttpResponse error_response(const ApiError& error) {
  HttpResponse response = server::error_response(error);
  response.body = error_body(error);
  return response;
}

}  // namespace ferrum::server::anthropic
