#include "loadgen/openai.h"

#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/json.h"

namespace ferrum::loadgen {
namespace {

const Json* member(const Json& json, const char* name) {
  if (!json.is_object()) return nullptr;
  const auto found = json.find(name);
  return found == json.end() || found->is_null() ? nullptr : &*found;
}

int64_t count(const Json& json, const char* name) {
  const Json* value = member(json, name);
  return value && value->is_number_integer() && *value >= 0 ? value->get<int64_t>() : 0;
}

bool has_text(const Json& json, const char* name) {
  const Json* value = member(json, name);
  return value && value->is_string() && !value->get_ref<const std::string&>().empty();
}

std::optional<TokenCounts> usage_of(const Json& json) {
  const Json* usage = member(json, "usage");
  if (!usage || !member(*usage, "completion_tokens")) return std::nullopt;
  TokenCounts counts = {.prompt = count(*usage, "prompt_tokens"),
                        .output = count(*usage, "completion_tokens")};
  if (const Json* details = member(*usage, "prompt_tokens_details"))
    counts.cached = count(*details, "cached_tokens");
  return counts;
}

// Error shapes: {"error": {"message": …}}, {"error": …}, {"message": …} and {"detail": …}.
std::optional<std::string> error_of(const Json& json) {
  const Json* error = member(json, "error");
  if (error && error->is_object()) {
    const Json* message = member(*error, "message");
    return message && message->is_string() ? message->get<std::string>() : error->dump();
  }
  for (const Json* said : {error, member(json, "message"), member(json, "detail")})
    if (said) return said->is_string() ? said->get<std::string>() : said->dump();
  return std::nullopt;
}

}  // namespace

std::string_view path_of(Api api) { return api == Api::kChat ? "/chat/completions" : "/completions"; }

std::string request_body(const RequestOptions& o, const Prompt& prompt) {
  Json json = {{"model", o.model}, {"stream", true}, {"max_tokens", prompt.max_tokens}};
  if (o.usage) json["stream_options"] = {{"include_usage", true}};
  if (o.temperature) json["temperature"] = *o.temperature;
  if (o.ignore_eos) json["ignore_eos"] = true;
  if (o.api == Api::kChat) {
    json["messages"] = prompt.messages.empty() ? Json::array({{{"role", "user"}, {"content", prompt.text}}})
                                               : Json::parse(prompt.messages);
  } else {
    if (!prompt.messages.empty())
      fail(ErrorCode::kBadArgument, "a prompt of messages is for --api chat, not completions");
    json["prompt"] = prompt.text;
  }
  return json.dump();
}

AnswerPart read_part(std::string_view text) {
  const Json json = parse_json(text, "an event");
  if (!json.is_object()) fail(ErrorCode::kBadFile, "an event is not a JSON object");
  AnswerPart part;
  part.usage = usage_of(json);
  const Json* choices = member(json, "choices");
  if (!choices) {
    if (!part.usage) part.error = error_of(json);
    if (!part.usage && !part.error) fail(ErrorCode::kBadFile, "an event has neither choices nor an error");
    return part;
  }
  if (member(json, "error")) part.error = error_of(json);
  if (!choices->is_array()) fail(ErrorCode::kBadFile, "an event's choices are not an array");
  for (const Json& choice : *choices) {
    part.finished |= member(choice, "finish_reason") != nullptr;
    part.has_text |= has_text(choice, "text");
    if (const Json* delta = member(choice, "delta"))
      for (const char* name : {"content", "reasoning_content", "reasoning"})
        part.has_text |= has_text(*delta, name);
  }
  return part;
}

std::string error_message(std::string_view body) {
  try {
    if (std::optional<std::string> message = error_of(parse_json(body, "an error"))) return *message;
  } catch (const Error&) {
    // Some servers and proxies send errors that are not JSON.
  }
  return std::string(body);
}

std::string first_model(std::string_view body) {
  const Json json = parse_json(body, "the list of models");
  const Json* data = member(json, "data");
  if (!data || !data->is_array()) fail(ErrorCode::kBadFile, "not a list of models");
  const Json* id = data->empty() ? nullptr : member(data->front(), "id");
  if (!id || !id->is_string()) fail(ErrorCode::kBadFile, "an empty list of models");
  return id->get<std::string>();
}

}  // namespace ferrum::loadgen
