#include "server/openai/response_format.h"

#include "server/openai/common.h"

namespace ferrum::server::openai {
namespace {

// An output item: thoughts, or a message.
struct Item {
  bool thought = false;
  std::string id;
  std::string text;
  Json logprobs = Json::array();

  Json part() const {
    if (thought) return {{"type", "reasoning_text"}, {"text", text}};
    return {{"type", "output_text"}, {"text", text}, {"annotations", Json::array()}, {"logprobs", logprobs}};
  }
  Json json(const char* status) const {
    Json content = Json::array();
    if (status != std::string_view("in_progress")) content.push_back(part());
    Json item = {{"id", id}, {"status", status}, {"content", std::move(content)}};
    if (thought) {
      item["type"] = "reasoning";
      item["summary"] = Json::array();
    } else {
      item["type"] = "message";
      item["role"] = "assistant";
    }
    return item;
  }
};

Json usage_json(const Usage& usage) {
  return {{"input_tokens", usage.prompt_tokens},
          {"input_tokens_details", {{"cached_tokens", usage.cached_tokens}, {"cache_write_tokens", 0}}},
          {"output_tokens", usage.generated_tokens},
          {"output_tokens_details", {{"reasoning_tokens", usage.reasoning_tokens}}},
          {"total_tokens", usage.prompt_tokens + usage.generated_tokens}};
}

// Common to all kinds of responses: collects the output items.
class Output : public Format {
 public:
  explicit Output(ResponseHead head) : head_(std::move(head)), thoughts_(head_.start) {}

  const char* prompt_field() const override { return "input"; }

  void take(size_t /*prompt*/, const Event& event, std::string& out) override {
    if (const auto* text = std::get_if<TextEvent>(&event)) {
      pieces_.clear();
      thoughts_.take(text->text, pieces_);
      add_pieces(out);
    } else if (const auto* token = std::get_if<TokenEvent>(&event)) {
      if (head_.logprobs) waiting_.push_back(*token);
    } else if (const auto* finish = std::get_if<FinishEvent>(&event)) {
      finish_ = *finish;
    }
  }

 protected:
  virtual void item_begins(std::string& /*out*/) {}
  virtual void item_grows(const std::string& /*text*/, const Json& /*logprobs*/, std::string& /*out*/) {}
  virtual void item_ends(std::string& /*out*/) {}

  // The index of the last item.
  size_t index() const { return items_.size() - 1; }
  const Item& item() const { return items_.back(); }
  bool cut() const { return finish_.reason != FinishReason::kStop; }
  bool cancelled() const { return finish_.reason == FinishReason::kCancelled; }

  // Call at the end of the answer. A complete answer has a message, even if it is empty.
  void end_items(std::string& out) {
    pieces_.clear();
    thoughts_.end(pieces_);
    add_pieces(out);
    if (items_.empty() || (item().thought && !cut())) begin_item(false, out);
    item_ends(out);
  }

  Json response(const char* status) const {
    Json json = head_.request;
    json["id"] = head_.id;
    json["object"] = "response";
    json["created_at"] = head_.created;
    json["status"] = status;
    json["error"] = nullptr;
    json["incomplete_details"] = nullptr;
    json["output"] = Json::array();
    return json;
  }

  // Call after end_items(). Stores the response.
  Json whole_response() const {
    Json json = response(cancelled() ? "cancelled" : cut() ? "incomplete" : "completed");
    if (cut() && !cancelled()) json["incomplete_details"] = {{"reason", "max_output_tokens"}};
    if (!cut()) json["completed_at"] = now();
    for (const Item& item : items_)
      json["output"].push_back(item.json(cut() && &item == &items_.back() ? "incomplete" : "completed"));
    json["usage"] = cancelled() ? Json() : usage_json(finish_.usage);
    if (head_.store) keep(json);
    return json;
  }

  void keep(const Json& json) const {
    StoredResponse stored = {head_.id, to_text(json), to_text(head_.input_items), head_.messages,
                             head_.items};
    stored.events = head_.events;
    if (head_.events) stored.event_bytes = head_.events->bytes();
    for (const Item& item : items_) {
      if (item.thought) {
        stored.items.push_back({item.id, std::nullopt});
        continue;
      }
      ChatMessage message;
      message.role = "assistant";
      message.content = item.text;
      stored.messages.push_back(message);
      stored.items.push_back({item.id, std::move(message)});
    }
    head_.store->put(std::move(stored));
  }

  Json failed(const ApiError& error) const {
    Json json = response("failed");
    const bool busy = error.status() == 429;
    json["error"] = {{"code", busy ? "rate_limit_exceeded" : "server_error"}, {"message", error.what()}};
    return json;
  }

 private:
  void begin_item(bool thought, std::string& out) {
    items_.push_back({.thought = thought, .id = new_id(thought ? "rs_" : "msg_")});
    item_begins(out);
  }

  void add_pieces(std::string& out) {
    for (const Thoughts::Piece& piece : pieces_) {
      if (items_.empty() || item().thought != piece.thought) {
        if (!items_.empty()) item_ends(out);
        begin_item(piece.thought, out);
      }
      Json logprobs = Json::array();
      for (const TokenEvent& token : waiting_) logprobs.push_back(token_json(token));
      waiting_.clear();
      items_.back().text += piece.text;
      for (const Json& token : logprobs) items_.back().logprobs.push_back(token);
      item_grows(piece.text, logprobs, out);
    }
  }

  ResponseHead head_;
  Thoughts thoughts_;
  std::vector<Thoughts::Piece> pieces_;  // of one event
  std::vector<TokenEvent> waiting_;      // waiting for their text
  std::vector<Item> items_;
  FinishEvent finish_;
};

class Whole final : public Output {
 public:
  using Output::Output;
  void end(std::string& out) override {
    end_items(out);
    out += to_text(whole_response());
  }
  void fail(const ApiError& error, std::string& /*out*/) override { throw ApiError(error); }
};

class Stream : public Output {
 public:
  using Output::Output;

  void begin(std::string& out) override {
    emit("response.created", {{"response", response("in_progress")}}, out);
    emit("response.in_progress", {{"response", response("in_progress")}}, out);
  }
  void end(std::string& out) override {
    end_items(out);
    emit(cut() ? "response.incomplete" : "response.completed", {{"response", whole_response()}}, out);
  }
  void fail(const ApiError& error, std::string& out) override {
    emit("response.failed", {{"response", failed(error)}}, out);
  }

 protected:
  void item_begins(std::string& out) override {
    emit("response.output_item.added", {{"output_index", index()}, {"item", item().json("in_progress")}},
         out);
    emit("response.content_part.added", in_part({{"part", Item{.thought = item().thought}.part()}}), out);
  }
  void item_grows(const std::string& text, const Json& logprobs, std::string& out) override {
    Json data = {{"delta", text}};
    if (!item().thought) data["logprobs"] = logprobs;
    emit(item().thought ? "response.reasoning_text.delta" : "response.output_text.delta",
         in_part(std::move(data)), out);
  }
  void item_ends(std::string& out) override {
    Json data = {{"text", item().text}};
    if (!item().thought) data["logprobs"] = item().logprobs;
    emit(item().thought ? "response.reasoning_text.done" : "response.output_text.done",
         in_part(std::move(data)), out);
    emit("response.content_part.done", in_part({{"part", item().part()}}), out);
    emit("response.output_item.done",
         {{"output_index", index()}, {"item", item().json(cut() ? "incomplete" : "completed")}}, out);
  }

  void emit(const char* type, Json data, std::string& out) {
    data["type"] = type;
    data["sequence_number"] = events_++;
    append_event(out, to_text(data), type);
  }

 private:
  Json in_part(Json data) const {
    data["item_id"] = item().id;
    data["output_index"] = index();
    data["content_index"] = 0;
    return data;
  }

  int events_ = 0;
};

class Kept final : public Output {
 public:
  explicit Kept(ResponseHead head) : Output(std::move(head)) {}

  // The response as it is before the engine begins.
  Json queue() {
    Json json = response("queued");
    keep(json);
    return json;
  }
  void begin(std::string& /*out*/) override { keep(response("in_progress")); }
  void end(std::string& out) override {
    end_items(out);
    whole_response();
  }
  void fail(const ApiError& error, std::string& /*out*/) override { keep(failed(error)); }
};

// The same with events.
class KeptStream final : public Stream {
 public:
  explicit KeptStream(ResponseHead head) : Stream(std::move(head)) {}

  Json queue(std::string& out) {
    Json json = response("queued");
    keep(json);
    emit("response.created", {{"response", json}}, out);
    emit("response.queued", {{"response", json}}, out);
    return json;
  }
  void begin(std::string& out) override {
    const Json json = response("in_progress");
    keep(json);
    emit("response.in_progress", {{"response", json}}, out);
  }
  void fail(const ApiError& error, std::string& out) override {
    keep(failed(error));
    Stream::fail(error, out);
  }
};

}  // namespace

Background background_response(ResponseHead head) {
  Background made = {.id = head.id, .queued = {}, .format = nullptr, .events = head.events};
  if (made.events) {
    auto format = std::make_unique<KeptStream>(std::move(head));
    std::string first;
    made.queued = to_text(format->queue(first));
    made.events->append(first);
    made.format = std::move(format);
  } else {
    auto format = std::make_unique<Kept>(std::move(head));
    made.queued = to_text(format->queue());
    made.format = std::move(format);
  }
  return made;
}

std::unique_ptr<Format> response_format(ResponseHead head, Delivery delivery) {
  if (delivery == Delivery::kStream) return std::make_unique<Stream>(std::move(head));
  return std::make_unique<Whole>(std::move(head));
}

}  // namespace ferrum::server::openai
