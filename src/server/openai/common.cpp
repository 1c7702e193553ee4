#include "server/openai/common.h"

#include <chrono>
#include <random>

#include "server/openai/openai.h"

namespace ferrum::server::openai {

std::string new_id(std::string_view prefix) {
  static constexpr std::string_view kLetters = "abcdefghijklmnopqrstuvwxyz0123456789";
  thread_local std::mt19937_64 random{std::random_device{}()};
  std::string id(prefix);
  for (int i = 0; i < 24; ++i) id += kLetters[random() % kLetters.size()];
  return id;
}

int64_t now() {
  return std::chrono::duration_cast<std::chrono::seconds>(std::chrono::system_clock::now().time_since_epoch())
      .count();
}

const char* finish_reason(const FinishEvent& finish) {
  return finish.reason == FinishReason::kStop ? "stop" : "length";
}

void UsageSum::add(size_t prompt, const Usage& usage) {
  if (prompts_.size() <= prompt) prompts_.resize(prompt + 1);
  prompts_[prompt] = usage;
  generated_ += usage.generated_tokens;
  accepted_ += usage.accepted_tokens;
  rejected_ += usage.drafted_tokens - usage.accepted_tokens;
}

Json UsageSum::json() const {
  int64_t prompt = 0;
  int64_t cached = 0;
  for (const Usage& usage : prompts_) {
    prompt += usage.prompt_tokens;
    cached += usage.cached_tokens;
  }
  return {{"prompt_tokens", prompt},
          {"completion_tokens", generated_},
          {"total_tokens", prompt + generated_},
          {"prompt_tokens_details", {{"cached_tokens", cached}, {"audio_tokens", 0}}},
          {"completion_tokens_details",
           {{"reasoning_tokens", 0},
            {"audio_tokens", 0},
            {"accepted_prediction_tokens", accepted_},
            {"rejected_prediction_tokens", rejected_}}}};
}

StreamOptions read_stream(Fields& body) {
  StreamOptions o;
  if (body.flag("stream").value_or(false)) o.delivery = Delivery::kStream;
  if (const Json* options = body.find("stream_options")) {
    if (o.delivery == Delivery::kWhole)
      server::refuse("stream_options", "stream_options are for stream: true");
    Fields f(*options, "stream_options");
    o.usage = f.flag("include_usage").value_or(false);
    f.flag("include_obfuscation");  // a padding that hides the sizes of tokens: there is none
    f.refuse_others();
  }
  return o;
}

void refuse_best_of(const StreamOptions& stream, const Request& request) {
  if (stream.delivery == Delivery::kStream && request.best_of > request.choices)
    server::refuse("best_of", "best_of cannot be streamed: which is the best is known at the end");
}

void read_notes(Fields& body) {
  for (const char* name : {"user", "safety_identifier", "prompt_cache_key"}) body.text(name);
  if (const Json* metadata = body.find("metadata"); metadata && !metadata->is_object())
    server::refuse("metadata", "metadata must be an object");
}

void refuse_unserved(Fields& body) {
  body.refuse("store", "answers are not stored", {false});
  body.refuse("service_tier", "there is one tier", {"auto", "default"});
  body.refuse("prediction", "not served; see --speculate");
  body.refuse("audio", "there is only text");
  body.refuse("modalities", "there is only text", {Json::array({"text"})});
  body.refuse("web_search_options", "there is no web search");
  body.refuse("verbosity", "not served", {"medium"});
  body.refuse("moderation", "not served");
  body.refuse("prompt_cache_retention", "not served", {"in-memory", "in_memory"});
  // Tools and constrained output have their place here.
  body.refuse("tools", "not served yet", {Json::array()});
  body.refuse("tool_choice", "not served yet", {"none", "auto"});
  body.refuse("parallel_tool_calls", "not served yet", {true, false});
  body.refuse("functions", "not served yet", {Json::array()});
  body.refuse("function_call", "not served yet", {"none", "auto"});
  body.refuse("response_format", "only text is served yet", {Json{{"type", "text"}}});
}

std::string model_of(Fields& body) {
  const std::optional<std::string> model = body.text("model");
  if (!model) throw ApiError(400, "missing_required_parameter", "model", "model is missing");
  return *model;
}

}  // namespace ferrum::server::openai
