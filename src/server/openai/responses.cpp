#include "server/openai/responses.h"

#include <algorithm>

#include "base/error.h"
#include "base/numbers.h"
#include "server/api/answer_rule.h"
#include "server/api/sampling_fields.h"
#include "server/api/thinking.h"
#include "server/http/request_target.h"
#include "server/openai/common.h"
#include "server/openai/response_format.h"
#include "server/openai/response_input.h"
#include "server/openai/tool_fields.h"

namespace ferrum::server::openai {
namespace {

constexpr int kMaxTopLogprobs = 20;
constexpr const char* kWithEncrypted = "reasoning.encrypted_content";
constexpr const char* kWithLogprobs = "message.output_text.logprobs";

struct Reasoning {
  Json effort;  // null: the model's default
  ThinkingOptions thinking;
};

Reasoning read_reasoning(Fields& f, const ModelInfo& model) {
  Reasoning result;
  const Json* given = f.object("chat_template_kwargs");
  Json options = given ? *given : Json::object();
  if (const Json* reasoning = f.object("reasoning")) {
    Fields r(f, *reasoning, "reasoning");
    if (const auto effort = r.text("effort")) result.effort = *effort;
    read_effort(r, "effort", model, options);
    // Thoughts are sent unabridged, so there is no summary.
    r.hint("summary");
    r.hint("generate_summary");
    r.hint("context", {"auto"});
    r.refuse_others();
  }
  result.thinking.budget = read_thought_budget(f);
  if (!options.empty()) result.thinking.template_options = to_text(options);
  return result;
}

struct TextFormat {
  std::string verbosity = "medium";
  Json format = {{"type", "text"}};
  std::optional<AskedRule> rule;
};

TextFormat read_text_format(Fields& f) {
  TextFormat result;
  RuleReader reader(f);
  if (const Json* text = f.object("text")) {
    Fields t(f, *text, "text");
    if (const Json* format = t.object("format")) {
      result.format = *format;
      Fields inner(t, *format, "text.format");
      reader.read_format(inner, RuleReader::SchemaAt::kFlat);
    }
    result.verbosity = t.text("verbosity").value_or(result.verbosity);
    t.hint("verbosity", {"medium"});
    t.refuse_others();
  }
  reader.read_other_engines();
  result.rule = reader.rule();
  return result;
}

// What else a response has. The values that are not known belong to tools that servers run.
struct Include {
  bool logprobs = false;
  bool encrypted = false;  // thoughts, for clients that keep them
};
Include read_include(Fields& f) {
  const std::vector<std::string> all = f.texts("include").value_or(std::vector<std::string>{});
  const auto has = [&](const char* name) { return std::ranges::find(all, name) != all.end(); };
  return {.logprobs = has(kWithLogprobs), .encrypted = has(kWithEncrypted)};
}

void read_response_hints(Fields& f) {
  f.hint("client_metadata", {Json::object()});
  f.hint("max_tool_calls");  // of tools that a server runs
  f.refuse("conversation", "conversations are not stored; use previous_response_id");
  f.refuse("context_management", "compaction is not supported", {Json::array()});
  f.refuse("prompt", "prompts are not stored");
}

// Whether the oldest turns are dropped if the input is too long.
bool read_truncation(Fields& f) {
  const std::string truncation = f.text("truncation").value_or("disabled");
  if (truncation != "auto" && truncation != "disabled")
    f.refuse_value("truncation", "truncation must be auto or disabled, not " + in_quotes(truncation));
  return truncation == "auto";
}

bool read_stream_flag(Fields& f) {
  const bool stream = f.flag("stream").value_or(false);
  if (const Json* options = f.object("stream_options")) {
    Fields o(f, *options, "stream_options");
    o.flag("include_obfuscation");
    o.hint("include_obfuscation", {false});  // padding that hides token lengths is not sent
    o.refuse_others();
  }
  return stream;
}

// Converts to 0.9 rather than 0.899999976.
double as_written(float x) { return std::stod(fmt::format("{}", x)); }

// The events from the index `first` on.
Replay replay(EventLog& events, size_t first) {
  Replay all;
  all.streams.push_back(events.follow(first));
  all.format = log_format();
  return all;
}

Json or_else(Fields& f, const char* name, Json otherwise) {
  const Json* given = f.find(name);
  return given ? *given : std::move(otherwise);
}

// As the response repeats them: with the members that OpenAI's description demands.
Json told_tools(Fields& f) {
  Json tools = or_else(f, "tools", Json::array());
  for (Json& tool : tools) {
    if (tool.value("type", Json("function")) != "function") continue;
    tool.emplace("type", "function");
    tool.emplace("description", nullptr);
    tool.emplace("parameters", nullptr);
    tool.emplace("strict", true);  // arguments always keep to their schema
  }
  return tools;
}

template <class T>
Json or_null(const std::optional<T>& value) {
  return value ? Json(*value) : Json();
}

// Throws ApiError 404 if it is not in the store.
std::shared_ptr<const StoredResponse> find_response(const std::string& id, ResponseStore& store) {
  std::shared_ptr<const StoredResponse> stored = store.find(id);
  if (!stored)
    throw ApiError(404, "not_found", "",
                   "there is no response " + in_quotes(id) + " here; it may have been evicted");
  return stored;
}

}  // namespace

ApiRequest response(Fields& f, const Engine& engine, KeptResponses& kept) {
  const std::string model = model_of(f);
  Request r;
  r.sampling = engine.recommended_sampling();
  r.answer_as = Request::AnswerAs::kParts;
  ResponseInput input = read_input(f, *kept.store);
  RequestedTools tools = read_response_tools(f);
  const Reasoning reasoning = read_reasoning(f, engine.info());
  read_sampling(f, r);
  if (r.choices != 1 || r.best_of > 1) f.refuse_value("n", "n: a response is one answer");
  const auto most = f.clamped_integer("max_output_tokens", 0, kMaxTokens);
  if (most) r.max_tokens = static_cast<int>(*most);
  r.max_thought_tokens = reasoning.thinking.budget.value_or(-1);
  const Include include = read_include(f);
  const auto top = f.integer("top_logprobs", 0, kMaxTopLogprobs);
  if (include.logprobs) r.logprobs = static_cast<int>(top.value_or(0));
  const bool truncated = read_truncation(f);
  const bool stored = f.flag("store").value_or(true);
  const bool stream = read_stream_flag(f);
  const bool background = f.flag("background").value_or(false);
  if (background && !stored) f.refuse_value("store", "store must be true for background: true");
  const Json* metadata = f.object("metadata");
  const auto user = f.text("user");
  TextFormat format = read_text_format(f);
  read_hints(f);
  read_response_hints(f);
  refuse_unserved(f);
  f.refuse_others();

  ResponseHead head;
  head.logprobs = include.logprobs;
  head.encrypts = include.encrypted;
  head.tools = std::move(tools.tools);
  if (format.rule) {
    r.rule = std::move(format.rule->rule);
    head.rule_field = std::move(format.rule->field);
  }
  head.request = {{"model", model},
                  {"instructions", input.instructions},
                  {"previous_response_id", input.previous},
                  {"max_output_tokens", or_null(most)},
                  {"temperature", as_written(r.sampling.temperature)},
                  {"top_p", as_written(r.sampling.top_p)},
                  {"top_logprobs", top.value_or(0)},
                  {"metadata", metadata ? *metadata : Json::object()},
                  {"store", stored},
                  {"background", background},
                  {"service_tier", "default"},
                  {"truncation", truncated ? "auto" : "disabled"},
                  {"text", {{"format", format.format}, {"verbosity", format.verbosity}}},
                  {"reasoning", {{"effort", reasoning.effort}, {"summary", nullptr}}},
                  {"tools", told_tools(f)},
                  {"tool_choice", or_else(f, "tool_choice", "auto")},
                  {"parallel_tool_calls", tools.use.parallel}};
  if (user) head.request["user"] = *user;
  ChatPrompt prompt = input.prompt();
  prompt.tools = std::move(tools.use);
  prompt.template_options = reasoning.thinking.template_options;
  if (truncated) {
    const int64_t half = engine.info().context / 2;
    truncate(engine, prompt, static_cast<int>(std::min(most.value_or(half / 2), half)));
  }
  if (stored) {
    head.store = kept.store;
    head.input_items = std::move(input.items);
    head.items = std::move(input.stored);
    head.messages = std::move(input.messages);
  }
  r.prompt = std::move(prompt);

  ApiRequest api_request;
  api_request.requests.push_back(std::move(r));
  if (background) {
    if (stream) head.events = std::make_shared<EventLog>();
    auto made = std::make_shared<Background>(background_response(std::move(head)));
    api_request.take_over = [&kept, made](std::shared_ptr<Engine> held, Streams streams) {
      Reply reply =
          made->events ? Reply(replay(*made->events, 0)) : Reply(HttpResponse{.body = made->queued});
      kept.background.start(std::move(*made), std::move(held), std::move(streams));
      return reply;
    };
    return api_request;
  }
  api_request.delivery = stream ? Delivery::kStream : Delivery::kWhole;
  api_request.format = response_format(std::move(head), api_request.delivery);
  return api_request;
}

Json response_input_tokens(Fields& f, const Engine& engine, ResponseStore& store) {
  model_of(f);
  ChatPrompt prompt = read_input(f, store).prompt();
  prompt.tools = read_response_tools(f).use;
  prompt.template_options = read_reasoning(f, engine.info()).thinking.template_options;
  read_text_format(f);
  read_truncation(f);
  read_hints(f);
  read_response_hints(f);
  refuse_unserved(f);
  f.refuse_others();
  return {{"object", "response.input_tokens"}, {"input_tokens", engine.tokens_of(prompt).size()}};
}

Reply kept_response(const std::string& id, std::string_view query, KeptResponses& kept) {
  const std::shared_ptr<const StoredResponse> stored = find_response(id, *kept.store);
  const std::string stream = query_value(query, "stream").value_or("false");
  const std::optional<std::string> after = query_value(query, "starting_after");
  if (stream != "true" && stream != "false")
    server::refuse("stream", "stream must be true or false, not {}", in_quotes(stream));
  if (stream == "false") {
    if (after) server::refuse("starting_after", "starting_after is for stream=true");
    return HttpResponse{.body = stored->body};
  }
  if (!stored->events)
    server::refuse("stream", "only a response that was created with background and stream can be streamed");
  if (!after) return replay(*stored->events, 0);
  const std::optional<uint32_t> last = whole_number<uint32_t>(*after);
  if (!last)
    server::refuse("starting_after", "starting_after must be an event's sequence_number, not {}",
                   in_quotes(*after));
  return replay(*stored->events, size_t{*last} + 1);
}

std::string cancelled_response(const std::string& id, KeptResponses& kept) {
  kept.background.cancel(id);
  const std::shared_ptr<const StoredResponse> stored = find_response(id, *kept.store);
  if (!Json::parse(stored->body).at("background").get<bool>())
    throw ApiError(
        400, "invalid_value", "",
        "only a response with background: true can be cancelled; " + in_quotes(id) + " does not have it");
  return stored->body;
}

Json delete_response(const std::string& id, KeptResponses& kept) {
  find_response(id, *kept.store);
  kept.background.cancel(id);
  kept.store->erase(id);
  return {{"id", id}, {"object", "response"}, {"deleted", true}};
}

Json input_items(const std::string& id, std::string_view query, const KeptResponses& kept) {
  constexpr std::ptrdiff_t kUsual = 20;
  constexpr std::ptrdiff_t kMost = 100;
  Json items = Json::parse(find_response(id, *kept.store)->input_items);
  const std::string order = query_value(query, "order").value_or("desc");
  if (order != "asc" && order != "desc")
    server::refuse("order", "order must be asc or desc, not {}", in_quotes(order));
  if (order == "desc") std::reverse(items.begin(), items.end());
  std::ptrdiff_t limit = kUsual;
  if (const auto given = query_value(query, "limit")) {
    const std::optional<int> number = whole_number<int>(*given);
    if (!number || *number < 1 || *number > kMost)
      server::refuse("limit", "limit must be a number from 1 to {}, not {}", kMost, in_quotes(*given));
    limit = *number;
  }
  auto first = items.begin();
  if (const auto after = query_value(query, "after")) {
    first =
        std::find_if(items.begin(), items.end(), [&](const Json& item) { return item.at("id") == *after; });
    if (first == items.end())
      server::refuse("after", "after names no item of this response: {}", in_quotes(*after));
    ++first;
  }
  const bool has_more = items.end() - first > limit;
  const auto last = has_more ? first + limit : items.end();
  Json data = Json::array();
  std::copy(first, last, std::back_inserter(data));
  return {{"object", "list"},
          {"has_more", has_more},
          {"first_id", data.empty() ? Json() : data.front().at("id")},
          {"last_id", data.empty() ? Json() : data.back().at("id")},
          {"data", std::move(data)}};
}

}  // namespace ferrum::server::openai
