#include "server/texts/text_fields.h"

#include <algorithm>

#include "server/api/budget.h"

namespace ferrum::server::texts {
namespace {

bool is_id(const Json& json) {
  return json.is_number_integer() && json.get<int64_t>() >= 0 && json.get<int64_t>() <= INT32_MAX;
}

TextRequest::Text read_input(const Json& json, const std::string& path) {
  if (json.is_string()) {
    if (json.get_ref<const std::string&>().empty()) server::refuse(path, "{} is empty", path);
    return json.get<std::string>();
  }
  if (json.is_array() && json.empty()) server::refuse(path, "{} is empty", path);
  if (json.is_array() && std::ranges::all_of(json, is_id))
    return TokenPrompt{json.get<std::vector<int32_t>>()};
  server::refuse(path, "{} must be a string or an array of token ids", path);
}

void check_count(const std::string& name, size_t count) {
  if (count > kMostResults)
    server::refuse(name, "{} must have at most {} texts, not {}", name, kMostResults, count);
}

std::string read_text(Fields& body, const Json& json, const std::string& path) {
  if (json.is_string()) return json.get<std::string>();
  if (!json.is_object()) server::refuse(path, "{} must be a string, or an object with the field text", path);
  Fields f(body, json, path);
  f.required("text");
  std::string text = f.text("text").value_or("");
  f.hint_others();  // of a document, what else is known of it
  return text;
}

}  // namespace

std::vector<TextRequest::Text> read_inputs(Fields& body, const std::string& name) {
  const Json& input = body.required(name);
  if (!input.is_array() || (!input.empty() && input.front().is_number())) return {read_input(input, name)};
  if (input.empty()) server::refuse(name, "{} is empty", name);
  check_count(name, input.size());
  std::vector<TextRequest::Text> texts;
  for (size_t i = 0; i < input.size(); ++i)
    texts.push_back(read_input(input[i], fmt::format("{}[{}]", name, i)));
  return texts;
}

std::vector<std::string> read_texts(Fields& body, const std::string& name) {
  const Json& input = body.required(name);
  if (!input.is_array()) return {read_text(body, input, name)};
  if (input.empty()) server::refuse(name, "{} is empty", name);
  check_count(name, input.size());
  std::vector<std::string> texts;
  for (size_t i = 0; i < input.size(); ++i)
    texts.push_back(read_text(body, input[i], fmt::format("{}[{}]", name, i)));
  return texts;
}

void read_truncation(Fields& body, const TextUse& use, TextRequest& request) {
  constexpr const char* kTokens = "truncate_prompt_tokens";
  const auto tokens = body.integer(kTokens, -1, use.most_tokens);
  if (tokens == 0)
    body.refuse_value(kTokens, fmt::format("{} must be -1 or a number of tokens", body.path_of(kTokens)));
  bool cuts = tokens.has_value();
  if (tokens && *tokens > 0) request.most_tokens = static_cast<int>(*tokens);
  for (const char* name : {"truncate", "truncation"}) {
    const Json* value = body.find(name);
    if (!value) continue;
    if (value->is_boolean()) {
      cuts = cuts || value->get<bool>();
    } else if (*value == "END" || *value == "NONE") {
      cuts = cuts || *value == "END";
    } else {
      body.refuse_value(name,
                        fmt::format("{} must be true or false, or \"END\" or \"NONE\": texts lose their ends",
                                    body.path_of(name)));
    }
  }
  body.refuse("truncation_side", "texts lose their ends", {"right"});
  body.refuse("truncation_direction", "texts lose their ends", {"Right", "right"});
  if (cuts) request.too_long = TextRequest::TooLong::kCut;
}

void finish_fields(Fields& body) {
  for (const char* name : {"user", "request_id"}) {
    body.text(name);
    body.hint(name);
  }
  body.hint("priority", {0});
  body.refuse("add_special_tokens", "texts are read as the model was made to", {true});
  body.refuse("stream", "results are not streamed", {false});
  body.refuse("cache_salt", "nothing of a text is kept");
  body.refuse("lora", "not supported", {Json::array()});
  body.refuse_others();
}

}  // namespace ferrum::server::texts
