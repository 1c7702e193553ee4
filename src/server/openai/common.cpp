#include "server/openai/common.h"

#include <algorithm>

#include "base/utf8.h"
#include "server/api/budget.h"
#include "server/openai/openai.h"

namespace ferrum::server::openai {

namespace {

Json chance_json(const TokenChance& chance) {
  std::vector<int> bytes;
  for (const char c : chance.bytes) bytes.push_back(static_cast<unsigned char>(c));
  return {{"token", token_text(chance)}, {"logprob", chance.logprob}, {"bytes", bytes}};
}

}  // namespace

std::string token_text(const TokenChance& token) {
  if (utf8::is_valid(token.bytes)) return token.bytes;
  std::string text = "bytes:";
  for (const char c : token.bytes) text += fmt::format("\\x{:02x}", static_cast<unsigned char>(c));
  return text;
}

Json token_json(const TokenEvent& event) {
  Json token = chance_json(event.token);
  token["top_logprobs"] = Json::array();
  for (const TokenChance& chance : event.top) token["top_logprobs"].push_back(chance_json(chance));
  return token;
}

const char* finish_reason(const FinishEvent& finish) {
  return finish.reason == FinishReason::kStop ? "stop" : "length";
}

void UsageSum::add(size_t prompt, const Usage& usage) {
  if (prompts_.size() <= prompt) prompts_.resize(prompt + 1);
  prompts_[prompt] = usage;
  generated_ += usage.generated_tokens;
  reasoning_ += usage.reasoning_tokens;
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
           {{"reasoning_tokens", reasoning_},
            {"audio_tokens", 0},
            {"accepted_prediction_tokens", accepted_},
            {"rejected_prediction_tokens", rejected_}}}};
}

StreamOptions read_stream(Fields& body) {
  StreamOptions o;
  if (body.flag("stream").value_or(false)) o.delivery = Delivery::kStream;
  if (const Json* options = body.find("stream_options")) {
    if (o.delivery == Delivery::kWhole)
      body.refuse_value("stream_options", "stream_options requires stream: true");
    Fields f(body, *options, "stream_options");
    o.usage = f.flag("include_usage").value_or(false);
    o.continuous_usage = f.flag("continuous_usage_stats").value_or(false);
    f.flag("include_obfuscation");
    f.hint("include_obfuscation", {false});  // padding that hides token lengths is not sent
    f.refuse_others();
  }
  return o;
}

Json usage_so_far(int prompt_tokens, int generated_tokens) {
  return {{"prompt_tokens", prompt_tokens},
          {"completion_tokens", generated_tokens},
          {"total_tokens", prompt_tokens + generated_tokens}};
}

void check_choices(Fields& body, const StreamOptions& stream, const Request& request, size_t prompts) {
  if (stream.delivery == Delivery::kStream && request.best_of > request.choices)
    body.refuse_value("best_of", "best_of cannot be streamed: the best answers are known at the end");
  const size_t answers = prompts * static_cast<size_t>(std::max(request.choices, request.best_of));
  if (answers > kMostResults)
    body.refuse_value(request.best_of > request.choices ? "best_of" : "n",
                      fmt::format("n, best_of and prompt request {} answers in total; the maximum is {}",
                                  answers, kMostResults));
}

void read_hints(Fields& body) {
  for (const char* name : {"safety_identifier", "prompt_cache_key"}) {
    body.text(name);
    body.hint(name);
  }
  body.hint("prompt_cache_retention", {"in-memory", "in_memory"});
  body.hint("prompt_cache_options");
  body.hint("service_tier", {"auto", "default"});
}

void read_completion_hints(Fields& body) {
  read_hints(body);
  body.text("user");
  body.hint("user");
  body.object("metadata");
  body.hint("metadata", {Json::object()});
  body.hint("store", {false});
  body.hint("verbosity", {"medium"});
  body.hint("prediction");
}

void refuse_unserved(Fields& body) {
  body.refuse("audio", "this server generates text only");
  body.refuse("modalities", "this server generates text only", {Json::array({"text"})});
  body.refuse("web_search_options", "web search is not supported");
  body.refuse("moderation", "moderation is not supported");
}

}  // namespace ferrum::server::openai
