#include "server/anthropic/message_format.h"

#include <algorithm>
#include <optional>
#include <vector>

#include "server/anthropic/part_of_json.h"
#include "server/api/answered_calls.h"

namespace ferrum::server::anthropic {
namespace {

using Part = PartEvent::Kind;

// The documented error types, most of which are the same as OpenAI's.
const char* type_of(const ApiError& error) {
  if (error.status() == 413) return "request_too_large";
  if (error.status() == 503) return "overloaded_error";
  return error.status() < 500 ? error.type() : "api_error";
}

Json usage_json(const Usage& usage) {
  return {{"input_tokens", usage.prompt_tokens - usage.cached_tokens},
          {"cache_creation_input_tokens", 0},
          {"cache_read_input_tokens", usage.cached_tokens},
          {"output_tokens", usage.generated_tokens}};
}

const char* stop_reason(const FinishEvent& finish, const AnsweredCalls& calls) {
  if (!finish.stop.empty()) return "stop_sequence";
  if (calls.end_answer(finish)) return "tool_use";
  if (finish.reason == FinishReason::kContext) return "model_context_window_exceeded";
  return finish.reason == FinishReason::kStop ? "end_turn" : "max_tokens";
}

Json stop_sequence(const FinishEvent& finish) { return finish.stop.empty() ? Json() : Json(finish.stop); }

// What keeps a text apart from an earlier one of its kind is not part of a block of its own.
std::string block_text(const std::string& text, bool begins_another) {
  return begins_another ? text.substr(std::min(text.find_first_not_of(" \t\n\r"), text.size())) : text;
}

OrderedJson text_block(const std::string& text) { return {{"type", "text"}, {"text", text}}; }
OrderedJson thinking_block(const std::string& text) {
  return {{"type", "thinking"}, {"thinking", text}, {"signature", ""}};
}
// Of a call that breaks off, `input` has what is whole, as clients read it from a stream.
OrderedJson call_block(const AnsweredCall& call) {
  return {{"type", "tool_use"},
          {"id", call.id},
          {"name", call.tool.name},
          {"input", part_of_json(call.text).object}};
}

class MessageFormat : public Format {
 public:
  explicit MessageFormat(MessageHead head) : head_(std::move(head)) {}

  void take(size_t /*prompt*/, const Event& event, std::string& out) override {
    if (const auto* part = std::get_if<PartEvent>(&event)) {
      show_rest(out);
      if (part->kind != Part::kReasoning || head_.thoughts) take_part(*part, out);
      if (part->kind == Part::kCallEnd) rest_ = part_of_json(calls_.last().text).rest;
    } else if (const auto* finish = std::get_if<FinishEvent>(&event)) {
      finish_ = *finish;
      if (finish->reason == FinishReason::kStop) show_rest(out);
    }
  }
  RequestFields fields() const override {
    return {.prompt = "messages", .rule = head_.rule_field, .functions = head_.tools.fields()};
  }

 protected:
  virtual void take_part(const PartEvent& part, std::string& out) = 0;

  Json message() const {
    return {{"id", head_.id},           {"type", "message"},
            {"role", "assistant"},      {"model", head_.model},
            {"content", Json::array()}, {"stop_reason", nullptr},
            {"stop_sequence", nullptr}, {"usage", usage_json({.prompt_tokens = head_.prompt_tokens})}};
  }
  const AnsweredCall& begin_call(const PartEvent& part) { return calls_.begin(part, head_.tools); }

  MessageHead head_;
  AnsweredCalls calls_;
  FinishEvent finish_;

 private:
  // What a call wrote that is not in its input is text, unless a limit cut it there.
  void show_rest(std::string& out) {
    if (const std::string rest = std::exchange(rest_, {}); !rest.empty())
      take_part({.kind = Part::kContent, .text = rest}, out);
  }

  std::string rest_;  // of the last call
};

class Whole final : public MessageFormat {
 public:
  using MessageFormat::MessageFormat;

  void end(std::string& out) override {
    Json sorted = message();
    sorted["stop_reason"] = stop_reason(finish_, calls_);
    sorted["stop_sequence"] = stop_sequence(finish_);
    sorted["usage"] = usage_json(finish_.usage);
    OrderedJson message(sorted);
    for (const Block& block : blocks_)
      message["content"].push_back(block.kind == Part::kContent     ? text_block(block.text)
                                   : block.kind == Part::kReasoning ? thinking_block(block.text)
                                                                    : call_block(calls_.all()[block.call]));
    out += ordered_text(message);
  }
  void fail(const ApiError& error, std::string& /*out*/) override { throw ApiError(error); }

 private:
  struct Block {
    Part kind;
    std::string text;  // of content and thoughts
    size_t call = 0;   // an index into the calls
  };

  void take_part(const PartEvent& part, std::string& /*out*/) override {
    if (part.kind == Part::kContent || part.kind == Part::kReasoning) {
      const bool begins = blocks_.empty() || blocks_.back().kind != part.kind;
      const std::string text = block_text(part.text, begins && !blocks_.empty());
      if (begins) blocks_.push_back({part.kind, {}});
      blocks_.back().text += text;
    } else if (part.kind == Part::kCallBegin) {
      blocks_.push_back({part.kind, {}, calls_.all().size()});
      begin_call(part);
    } else {
      calls_.grow(part);
    }
  }

  std::vector<Block> blocks_;
};

class Stream final : public MessageFormat {
 public:
  using MessageFormat::MessageFormat;

  void begin(std::string& out) override {
    emit("message_start", {{"message", message()}}, out);
    emit("ping", Json::object(), out);
  }

  void end(std::string& out) override {
    end_block(out);
    emit("message_delta",
         {{"delta",
           {{"stop_reason", stop_reason(finish_, calls_)}, {"stop_sequence", stop_sequence(finish_)}}},
          {"usage", usage_json(finish_.usage)}},
         out);
    emit("message_stop", Json::object(), out);
  }

  void fail(const ApiError& error, std::string& out) override {
    append_event(out, error_body(error), "error");
  }

 private:
  void take_part(const PartEvent& part, std::string& out) override {
    switch (part.kind) {
      case Part::kContent:
        return text_delta(part, text_block(""), {{"type", "text_delta"}}, "text", out);
      case Part::kReasoning:
        return text_delta(part, thinking_block(""), {{"type", "thinking_delta"}}, "thinking", out);
      case Part::kCallBegin:
        end_block(out);
        return continue_block(part.kind, call_block(begin_call(part)), out);
      case Part::kArguments:
      case Part::kCallEnd:
        break;
    }
    if (const std::string json = calls_.grow(part); !json.empty())
      delta({{"type", "input_json_delta"}, {"partial_json", json}}, out);
    if (part.kind == Part::kCallEnd) end_block(out);
  }

  void text_delta(const PartEvent& part, const OrderedJson& block, Json what, const char* member,
                  std::string& out) {
    what[member] = block_text(part.text, block_ != part.kind && (block_ || blocks_ > 0));
    continue_block(part.kind, block, out);
    delta(std::move(what), out);
  }

  // Begins a block unless the last one is of this kind.
  void continue_block(Part kind, const OrderedJson& block, std::string& out) {
    if (block_ == kind) return;
    end_block(out);
    emit("content_block_start", {{"index", blocks_}, {"content_block", Json(block)}}, out);
    block_ = kind;
  }
  void delta(Json what, std::string& out) {
    emit("content_block_delta", {{"index", blocks_}, {"delta", std::move(what)}}, out);
  }
  void end_block(std::string& out) {
    if (!block_) return;
    emit("content_block_stop", {{"index", blocks_++}}, out);
    block_.reset();
  }

  void emit(const char* type, Json data, std::string& out) {
    data["type"] = type;
    append_event(out, to_text(data), type);
  }

  int blocks_ = 0;             // completed blocks
  std::optional<Part> block_;  // the kind of the one that is open
};

}  // namespace

std::unique_ptr<Format> message_format(MessageHead head, Delivery delivery) {
  if (delivery == Delivery::kStream) return std::make_unique<Stream>(std::move(head));
  return std::make_unique<Whole>(std::move(head));
}

std::string error_body(const ApiError& error) {
  Json json = {{"type", type_of(error)}, {"message", error.what()}};
  if (error.code() == kNoThreads)
    json["details"] = {{"error_code", kNoThreads}, {"unsupported", {error.param()}}};
  return to_text(Json{{"type", "error"}, {"error", std::move(json)}});
}

}  // namespace ferrum::server::anthropic
