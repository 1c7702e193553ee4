#include "server/openai/responses.h"

#include "base/error.h"
#include "server/api/sampling_fields.h"
#include "server/api/text_parts.h"
#include "server/openai/common.h"
#include "server/openai/response_format.h"

namespace ferrum::server::openai {
namespace {

constexpr int kMaxTopLogprobs = 20;
constexpr const char* kWithLogprobs = "message.output_text.logprobs";

constexpr TextPart kParts[] = {{"input_text", "text"}, {"output_text", "text"}, {"refusal", "refusal"}};

// An item of the input: a message, or an earlier output's.
void add_item(const Fields& body, const Json& json, const std::string& path,
              std::vector<ChatMessage>& messages) {
  Fields f(body, json, path);
  const std::string type = f.text("type").value_or("message");
  if (type == "reasoning") return;  // templates leave thoughts of earlier turns out
  if (type != "message")
    throw ApiError(400, "unsupported_parameter", f.path_of("type"),
                   fmt::format("{}: only items of type message are served yet", f.path_of("type")));
  std::string role = f.text("role").value_or("");
  if (role == "developer") role = "system";  // the newer name of the same
  if (role != "system" && role != "user" && role != "assistant")
    server::refuse(f.path_of("role"), "{} must be user, assistant, system or developer, not {}",
                   f.path_of("role"), in_quotes(role));
  std::string content = text_of_parts(body, f.required("content"), f.path_of("content"), kParts);
  for (const char* note : {"id", "status", "phase"}) f.find(note);
  f.refuse_others();
  messages.push_back({std::move(role), std::move(content)});
}

// The same input as items, which is how it is listed later.
Json items_of(const Json& input) {
  if (input.is_array()) return input;
  return Json::array({{{"type", "message"},
                       {"role", "user"},
                       {"content", Json::array({{{"type", "input_text"}, {"text", input}}})}}});
}

struct Conversation {
  std::vector<ChatMessage> messages;  // without instructions
  ChatPrompt prompt;
  Json input_items;
  Json instructions;
  Json previous;
};

Conversation read_conversation(Fields& f, ResponseStore& store) {
  Conversation c;
  if (const auto previous = f.text("previous_response_id")) {
    const std::shared_ptr<const StoredResponse> stored = store.find(*previous);
    if (!stored)
      throw ApiError(404, "previous_response_not_found", "previous_response_id",
                     "there is no response " + in_quotes(*previous) + " here (any more)");
    c.messages = stored->messages;
    c.previous = *previous;
  }
  const Json& input = f.required("input");
  if (!input.is_string() && (!input.is_array() || input.empty()))
    server::refuse("input", "input must be a text, or an array with an item at least");
  c.input_items = items_of(input);
  for (size_t i = 0; i < c.input_items.size(); ++i)
    add_item(f, c.input_items[i], fmt::format("input[{}]", i), c.messages);
  for (Json& item : c.input_items)
    if (!item.contains("id")) item["id"] = new_id("msg_");

  if (const auto instructions = f.text("instructions")) {
    c.instructions = *instructions;
    c.prompt.messages.push_back({"system", *instructions});
  }
  // Templates know one message of the system, at the beginning.
  for (const ChatMessage& message : c.messages) {
    std::vector<ChatMessage>& all = c.prompt.messages;
    if (message.role == "system" && all.size() == 1 && all.front().role == "system")
      all.front().content += "\n\n" + message.content;
    else
      all.push_back(message);
  }
  return c;
}

// What the model's template makes of thinking, and text as the one format.
std::string template_options(Fields& f) {
  const Json* given = f.object("chat_template_kwargs");
  Json options = given ? *given : Json::object();
  if (const Json* reasoning = f.find("reasoning")) {
    Fields r(f, *reasoning, "reasoning");
    const auto effort = r.text("effort");
    if (effort && *effort != "none")
      throw ApiError(400, "unsupported_parameter", "reasoning.effort",
                     "reasoning.effort must be none; what else the model's template offers is asked for by "
                     "chat_template_kwargs");
    if (effort) options["enable_thinking"] = false;
    r.refuse("summary", "thoughts are told as they are");
    r.refuse("generate_summary", "thoughts are told as they are");
    r.refuse_others();
  }
  return options.empty() ? "" : to_text(options);
}

void read_text_format(Fields& f) {
  const Json* text = f.find("text");
  if (!text) return;
  Fields t(f, *text, "text");
  t.refuse("format", "only text is served yet", {Json{{"type", "text"}}});
  t.refuse("verbosity", "not served", {"medium"});
  t.refuse_others();
}

// Whether logprobs are to be told.
bool read_include(Fields& f) {
  bool logprobs = false;
  for (const std::string& what : f.texts("include").value_or(std::vector<std::string>{})) {
    // Nothing of ours is encrypted, and there are no tools that such things come from.
    if (what != kWithLogprobs && what != "reasoning.encrypted_content")
      server::refuse("include", "include: there is only {}, not {}", kWithLogprobs, in_quotes(what));
    logprobs |= what == kWithLogprobs;
  }
  return logprobs;
}

void refuse_unserved_of_responses(Fields& f) {
  f.refuse("background", "not served", {false});
  f.refuse("conversation", "not served; see previous_response_id");
  f.refuse("context_management", "not served");
  f.refuse("max_tool_calls", "there are no tools yet");
  f.refuse("prompt", "prompts are not stored here");
  f.refuse("prompt_cache_options", "not served");
  f.refuse("truncation", "nothing is cut silently", {"disabled"});
}

bool read_stream_flag(Fields& f) {
  const bool stream = f.flag("stream").value_or(false);
  if (const Json* options = f.find("stream_options")) {
    Fields o(f, *options, "stream_options");
    o.flag("include_obfuscation");  // a padding that hides the sizes of tokens: there is none
    o.refuse_others();
  }
  return stream;
}

// 0.9 and not 0.899999976.
double as_written(float x) { return std::stod(fmt::format("{}", x)); }

template <class T>
Json or_null(const std::optional<T>& value) {
  return value ? Json(*value) : Json();
}

}  // namespace

ApiRequest response(Fields& f, const Engine& engine, const std::shared_ptr<ResponseStore>& store) {
  const std::string model = model_of(f);
  Request r;
  r.sampling = engine.recommended_sampling();
  Conversation conversation = read_conversation(f, *store);
  conversation.prompt.template_options = template_options(f);
  read_sampling(f, r);
  if (r.choices != 1 || r.best_of > 1) server::refuse("n", "a response is one answer");
  const auto most = f.integer("max_output_tokens", 0, kMaxTokens);
  if (most) r.max_tokens = static_cast<int>(*most);
  const bool logprobs = read_include(f);
  const auto top = f.integer("top_logprobs", 0, kMaxTopLogprobs);
  if (logprobs) r.logprobs = static_cast<int>(top.value_or(0));
  const bool stored = f.flag("store").value_or(true);
  const bool stream = read_stream_flag(f);
  const Json* metadata = f.find("metadata");
  const auto user = f.text("user");
  read_hints(f);
  read_text_format(f);
  refuse_unserved_of_responses(f);
  refuse_unserved(f);
  f.refuse_others();

  ResponseHead head;
  head.logprobs = logprobs;
  head.request = {{"model", model},
                  {"instructions", conversation.instructions},
                  {"previous_response_id", conversation.previous},
                  {"max_output_tokens", or_null(most)},
                  {"temperature", as_written(r.sampling.temperature)},
                  {"top_p", as_written(r.sampling.top_p)},
                  {"top_logprobs", top.value_or(0)},
                  {"metadata", metadata ? *metadata : Json::object()},
                  {"store", stored},
                  {"background", false},
                  {"service_tier", "default"},
                  {"truncation", "disabled"},
                  {"text", {{"format", {{"type", "text"}}}, {"verbosity", "medium"}}},
                  {"reasoning", {{"effort", nullptr}, {"summary", nullptr}}},
                  {"tools", Json::array()},
                  {"tool_choice", "auto"},
                  {"parallel_tool_calls", true}};
  if (user) head.request["user"] = *user;
  if (stored) {
    head.store = store;
    head.input_items = std::move(conversation.input_items);
    head.messages = std::move(conversation.messages);
  }
  r.prompt = std::move(conversation.prompt);
  head.start = start_of_thoughts(engine, r.prompt);

  ApiRequest api_request;
  api_request.delivery = stream ? Delivery::kStream : Delivery::kWhole;
  api_request.format = response_format(std::move(head), api_request.delivery);
  api_request.requests.push_back(std::move(r));
  return api_request;
}

Json response_input_tokens(Fields& f, const Engine& engine, ResponseStore& store) {
  model_of(f);
  Conversation conversation = read_conversation(f, store);
  conversation.prompt.template_options = template_options(f);
  read_text_format(f);
  refuse_unserved_of_responses(f);
  refuse_unserved(f);
  f.refuse_others();
  return {{"object", "response.input_tokens"},
          {"input_tokens", engine.tokens_of(conversation.prompt).size()}};
}

}  // namespace ferrum::server::openai
