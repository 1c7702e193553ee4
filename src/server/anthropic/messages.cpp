#include "server/anthropic/anthropic.h"
#include "server/anthropic/conversation.h"
#include "server/anthropic/message_format.h"
#include "server/anthropic/settings.h"
#include "server/api/sampling_fields.h"

namespace ferrum::server::anthropic {

ApiRequest message(Fields& f, const Engine& engine) {
  MessageHead head = {.model = model_of(f)};
  Request r;
  r.sampling = engine.recommended_sampling();
  ChatPrompt chat = chat_prompt(f);
  Settings settings = read_settings(f, engine.info());
  chat.tools = std::move(settings.use);
  chat.template_options = settings.thinking.template_options;
  r.max_thought_tokens = settings.thinking.budget.value_or(-1);
  r.answer_as = Request::AnswerAs::kParts;
  head.thoughts = settings.thinking.shown;
  head.tools = std::move(settings.tools);
  if (settings.rule) {
    r.rule = std::move(settings.rule->rule);
    head.rule_field = std::move(settings.rule->field);
  }
  read_sampling(f, r);
  if (r.choices != 1 || r.best_of > 1) f.refuse_value("n", "n: a message is one answer");
  if (const auto stop = f.texts("stop_sequences")) r.stop.insert(r.stop.end(), stop->begin(), stop->end());
  std::erase(r.stop, "");  // an empty string asks for nothing
  f.required("max_tokens");
  const auto most = f.clamped_integer("max_tokens", 1, kMaxTokens);
  const bool stream = f.flag("stream").value_or(false);
  f.refuse_others();

  r.prompt = std::move(chat);
  // The first event of a stream contains the length of the prompt.
  head.prompt_tokens = static_cast<int>(engine.tokens_of(r.prompt).size());
  const int context = engine.info().context;
  if (head.prompt_tokens >= context)
    throw ApiError(
        400, "context_length_exceeded", "messages",
        fmt::format("prompt is too long: {} tokens > {} maximum", head.prompt_tokens, context - 1));
  // A larger max_tokens means until the context is full, which the stop reason then says.
  const bool shifts = r.context_end == Request::ContextEnd::kShifts;
  r.max_tokens = shifts || *most <= context - head.prompt_tokens ? static_cast<int>(*most) : -1;

  ApiRequest api_request;
  api_request.delivery = stream ? Delivery::kStream : Delivery::kWhole;
  api_request.format = message_format(std::move(head), api_request.delivery);
  api_request.requests.push_back(std::move(r));
  return api_request;
}

Json count_tokens(Fields& f, const Engine& engine) {
  model_of(f);
  ChatPrompt chat = chat_prompt(f);
  Settings settings = read_settings(f, engine.info());
  chat.tools = std::move(settings.use);
  chat.template_options = settings.thinking.template_options;
  f.refuse_others();
  return {{"input_tokens", engine.tokens_of(chat).size()}};
}

HttpResponse error_response(const ApiError& error) {
  HttpResponse response = server::error_response(error);
  response.body = error_body(error);
  return response;
}

}  // namespace ferrum::server::anthropic
