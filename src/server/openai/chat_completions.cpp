// POST /v1/chat/completions
#include "base/error.h"
#include "server/api/answer_rule.h"
#include "server/api/max_tokens.h"
#include "server/api/other_engines.h"
#include "server/api/sampling_fields.h"
#include "server/openai/chat_format.h"
#include "server/openai/chat_messages.h"
#include "server/openai/common.h"
#include "server/openai/openai.h"
#include "server/openai/timings.h"

namespace ferrum::server::openai {
namespace {

constexpr int kMaxTopLogprobs = 20;

bool read_logprobs(Fields& f, Request& r) {
  const bool logprobs = f.flag("logprobs").value_or(false);
  const auto top = f.integer("top_logprobs", 0, kMaxTopLogprobs);
  if (top.value_or(0) > 0 && !logprobs)
    f.refuse_value("top_logprobs", "top_logprobs requires logprobs: true");
  if (logprobs) r.logprobs = static_cast<int>(top.value_or(0));
  return logprobs;
}

// llama-server's: whether thoughts are apart, or part of the content.
Request::AnswerAs read_reasoning_format(Fields& f) {
  const std::string format = f.text("reasoning_format").value_or("auto");
  if (format != "auto" && format != "none" && format != "deepseek")
    f.refuse_value("reasoning_format",
                   "reasoning_format must be auto, deepseek or none, not " + in_quotes(format));
  return format == "none" ? Request::AnswerAs::kCalls : Request::AnswerAs::kParts;
}

}  // namespace

ApiRequest chat_completion(Fields& f, const Engine& engine) {
  ApiRequest api_request;
  const std::string model = model_of(f);
  Request r;
  r.sampling = engine.recommended_sampling();
  Chat chat = read_chat(f, engine);
  read_sampling(f, r);
  if (const auto most = read_max_tokens(f)) r.max_tokens = *most;
  r.max_thought_tokens = chat.thinking.budget.value_or(-1);

  ChatShape shape = {.logprobs = read_logprobs(f, r)};
  shape.choices = static_cast<size_t>(r.choices);
  shape.timings = read_timings(f);
  shape.thoughts = f.flag("include_reasoning").value_or(true) && chat.thinking.shown;
  shape.as_function_call = chat.tools.as_function_call;
  shape.tools = std::move(chat.tools.tools);
  if (auto asked = read_answer_rule(f)) {
    r.rule = std::move(asked->rule);
    shape.rule_field = std::move(asked->field);
  }
  r.answer_as = read_reasoning_format(f);

  const StreamOptions stream = read_stream(f);
  check_choices(f, stream, r, 1);
  read_completion_hints(f);
  refuse_unserved(f);
  f.refuse("prompt_embeds", "/v1/completions takes vectors");
  read_other_engines(f);
  f.refuse("echo", "the last message is not repeated", {false});
  f.refuse("add_special_tokens", "the chat template writes all special tokens", {false});
  f.refuse_others();

  r.prompt = std::move(chat.prompt);
  if (stream.continuous_usage) shape.prompt_tokens = static_cast<int>(engine.tokens_of(r.prompt).size());
  api_request.delivery = stream.delivery;
  api_request.format = chat_format({.id = new_id("chatcmpl-"), .model = model}, std::move(shape), stream);
  api_request.requests.push_back(std::move(r));
  return api_request;
}

}  // namespace ferrum::server::openai
