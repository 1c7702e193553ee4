#include "server/openai/response_format.h"

#include <algorithm>
#include <utility>

#include "server/openai/common.h"
#include "server/openai/response_items.h"

namespace ferrum::server::openai {
namespace {

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
  explicit Output(ResponseHead head) : head_(std::move(head)) {}

  RequestFields fields() const override {
    return {.prompt = "input", .rule = head_.rule_field, .functions = head_.tools.fields()};
  }

  void take(size_t /*prompt*/, const Event& event, std::string& out) override {
    if (const auto* part = std::get_if<PartEvent>(&event)) {
      take_part(*part, out);
    } else if (const auto* token = std::get_if<TokenEvent>(&event)) {
      if (head_.logprobs) waiting_.push_back(*token);
    } else if (const auto* finish = std::get_if<FinishEvent>(&event)) {
      finish_ = *finish;
    }
  }

 protected:
  virtual void item_begins(std::string& /*out*/) {}
  virtual void item_grows(const std::string& /*text*/, const Json& /*logprobs*/, std::string& /*out*/) {}
  virtual void item_ends(const char* /*status*/, std::string& /*out*/) {}

  // The index of the last item.
  size_t index() const { return items_.size() - 1; }
  const OutputItem& item() const { return items_.back(); }
  bool cut() const { return finish_.reason != FinishReason::kStop; }
  bool cancelled() const { return finish_.reason == FinishReason::kCancelled; }

  // Call at the end of the answer. A complete answer has a message, even if it is empty, or calls.
  void end_items(std::string& out) {
    const bool lacks_message =
        items_.empty() || (item().kind == OutputItem::Kind::kReasoning && calls_.empty() && !cut());
    if (lacks_message) begin_item(OutputItem::message(), out);
    end_item(out);
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
    for (const OutputItem& item : items_) json["output"].push_back(item.json(status_of(item)));
    json["usage"] = cancelled() ? Json() : usage_json(finish_.usage);
    if (head_.store) keep(json);
    return json;
  }

  void keep(const Json& json) const {
    StoredResponse stored = {head_.id, to_text(json), to_text(head_.input_items), head_.messages,
                             head_.items};
    stored.events = head_.events;
    if (head_.events) stored.event_bytes = head_.events->bytes();
    for (const OutputItem& item : items_) {
      stored.messages.push_back(item.chat_message());
      stored.items.push_back({item.id, {item.chat_message()}});
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
  const char* status_of(const OutputItem& item) const {
    const bool broken = item.is_call() ? !item.call.complete : cut() && &item == &items_.back();
    return broken ? "incomplete" : "completed";
  }

  void begin_item(OutputItem item, std::string& out) {
    end_item(out);
    items_.push_back(std::move(item));
    open_ = true;
    item_begins(out);
  }
  // What keeps a text apart from an earlier one of its kind is not part of an item of its own.
  void begin_text(OutputItem item, const std::string& text, std::string& out) {
    const size_t from = items_.empty() ? 0 : text.find_first_not_of(" \t\n\r");
    begin_item(std::move(item), out);
    grow(text.substr(std::min(from, text.size())), out);
  }
  void end_item(std::string& out) {
    if (std::exchange(open_, false)) item_ends(status_of(item()), out);
  }

  void take_part(const PartEvent& part, std::string& out) {
    using Kind = OutputItem::Kind;
    switch (part.kind) {
      case PartEvent::Kind::kContent:
        if (!open_ || item().kind != Kind::kMessage) return begin_text(OutputItem::message(), part.text, out);
        return grow(part.text, out);
      case PartEvent::Kind::kReasoning:
        if (!open_ || item().kind != Kind::kReasoning)
          return begin_text(OutputItem::reasoning(head_.encrypts), part.text, out);
        return grow(part.text, out);
      case PartEvent::Kind::kCallBegin:
        return begin_item(OutputItem::of(calls_.begin(part, head_.tools)), out);
      case PartEvent::Kind::kArguments:
      case PartEvent::Kind::kCallEnd:
        break;
    }
    if (const std::string text = calls_.grow(part); !text.empty()) grow(text, out);
    if (part.kind != PartEvent::Kind::kCallEnd) return;
    items_.back().call.complete = calls_.last().complete;
    end_item(out);
  }

  void grow(const std::string& text, std::string& out) {
    Json logprobs = Json::array();
    for (const TokenEvent& token : waiting_) logprobs.push_back(token_json(token));
    waiting_.clear();
    items_.back().text += text;
    for (const Json& token : logprobs) items_.back().logprobs.push_back(token);
    item_grows(text, logprobs, out);
  }

  ResponseHead head_;
  AnsweredCalls calls_;
  std::vector<TokenEvent> waiting_;  // waiting for their text
  std::vector<OutputItem> items_;
  bool open_ = false;  // the last item
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
    if (!item().is_call())
      emit("response.content_part.added",
           in_part({{"part", OutputItem{.kind = item().kind, .id = {}}.part()}}), out);
  }
  void item_grows(const std::string& text, const Json& logprobs, std::string& out) override {
    Json data = {{"delta", text}};
    if (item().kind == OutputItem::Kind::kMessage) data["logprobs"] = logprobs;
    emit(type_of("delta").c_str(), in_part(std::move(data)), out);
  }
  void item_ends(const char* status, std::string& out) override {
    Json data = {{item().takes_text() ? "input" : item().is_call() ? "arguments" : "text", item().text}};
    if (item().kind == OutputItem::Kind::kMessage) data["logprobs"] = item().logprobs;
    if (item().is_call() && !item().takes_text()) data["name"] = item().call.tool.name;
    emit(type_of("done").c_str(), in_part(std::move(data)), out);
    if (!item().is_call()) emit("response.content_part.done", in_part({{"part", item().part()}}), out);
    emit("response.output_item.done", {{"output_index", index()}, {"item", item().json(status)}}, out);
  }

  void emit(const char* type, Json data, std::string& out) {
    data["type"] = type;
    data["sequence_number"] = events_++;
    append_event(out, to_text(data), type);
  }

 private:
  // Of the events of an item's text.
  std::string type_of(const char* what) const {
    const char* const text = item().takes_text()                           ? "custom_tool_call_input"
                             : item().is_call()                            ? "function_call_arguments"
                             : item().kind == OutputItem::Kind::kReasoning ? "reasoning_text"
                                                                           : "output_text";
    return fmt::format("response.{}.{}", text, what);
  }
  Json in_part(Json data) const {
    data["item_id"] = item().id;
    data["output_index"] = index();
    if (!item().is_call()) data["content_index"] = 0;
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
