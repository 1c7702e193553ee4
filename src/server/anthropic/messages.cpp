#include <vector>

#include "server/anthropic/anthropic.h"
#include "server/anthropic/conversation.h"
#include "server/api/ids.h"
#include "server/api/sampling_fields.h"
#include "server/api/thoughts.h"

namespace ferrum::server::anthropic {
namespace {

constexpr const char* kPromptField = "messages";

// The documented error types, most of which are the same as OpenAI's.
const char* type_of(const ApiError& error) {
  if (error.status() == 413) return "request_too_large";
  if (error.status() == 503) return "overloaded_error";
  return error.status() < 500 ? error.type() : "api_error";
}

std::string error_body(const ApiError& error) {
  return to_text({{"type", "error"}, {"error", {{"type", type_of(error)}, {"message", error.what()}}}});
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
  return {{"type", "text"}, {"text", piece.text}};
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
  std::vector<Thoughts::Piece> pieces_;  // pieces of one event
  FinishEvent finish_;
  int blocks_ = 0;  // completed blocks
  bool in_block_ = false;
  bool in_thoughts_ = false;
};

}  // namespace

ApiRequest message(Fields& f, const Engine& engine) {
  Head head = {.model = model_of(f)};
  Request r;
  r.sampling = engine.recommended_sampling();
  ChatPrompt chat = chat_prompt(f, engine.info());
  const ThinkingOptions thinking = thinking_options(f, engine.info());
  chat.template_options = thinking.template_options;
  r.max_thought_tokens = thinking.budget.value_or(-1);
  read_sampling(f, r);
  if (r.choices != 1 || r.best_of > 1) f.refuse_value("n", "n: a message is one answer");
  if (const auto stop = f.texts("stop_sequences")) r.stop.insert(r.stop.end(), stop->begin(), stop->end());
  f.required("max_tokens");
  const auto most = f.integer("max_tokens", 1, kMaxTokens);
  const bool stream = f.flag("stream").value_or(false);
  read_other_fields(f);
  f.refuse_others();

  r.prompt = std::move(chat);
  const Thoughts::Start start = start_of_thoughts(engine, r.prompt);
  // The first event of a stream contains the length of the prompt.
  if (!std::holds_alternative<TokenPrompt>(r.prompt)) r.prompt = TokenPrompt{engine.tokens_of(r.prompt)};
  head.prompt_tokens = static_cast<int>(std::get<TokenPrompt>(r.prompt).ids.size());
  const int context = engine.info().context;
  if (head.prompt_tokens >= context)
    throw ApiError(
        400, "context_length_exceeded", kPromptField,
        fmt::format("prompt is too long: {} tokens > {} maximum", head.prompt_tokens, context - 1));
  // A larger max_tokens means until the context is full, which the stop reason then says.
  const bool shifts = r.context_end == Request::ContextEnd::kShifts;
  r.max_tokens = shifts || *most <= context - head.prompt_tokens ? static_cast<int>(*most) : -1;

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
  ChatPrompt chat = chat_prompt(f, engine.info());
  chat.template_options = thinking_options(f, engine.info()).template_options;
  read_other_fields(f);
  f.refuse_others();
  return {{"input_tokens", engine.tokens_of(chat).size()}};
}

HttpResponse error_response(const ApiError& error) {
  HttpResponse response = server::error_response(error);
  response.body = error_body(error);
  return response;
}

}  // namespace ferrum::server::anthropic
