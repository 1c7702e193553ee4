// Bodies of requests: the first byte chooses the endpoint, the rest is the JSON. Requests that the engine can
// take, whose answers are JSON; or an ApiError of a client's fault.
#include <cstddef>
#include <cstdint>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "base/check.h"
#include "server/anthropic/anthropic.h"
#include "server/api/api_error.h"
#include "server/api/json.h"
#include "server/fake_engine.h"
#include "server/openai/openai.h"
#include "server/openai/responses.h"
#include "server/text_tools.h"

namespace {

using namespace ferrum;
using namespace ferrum::server;

const Engine& engine() {
  static const test::FakeEngine engine;
  return engine;
}

// What a client would be sent.
std::string answer_of(ApiRequest& asked) {
  std::string text;
  asked.format->begin(text);
  for (size_t i = 0; i < asked.requests.size(); ++i)
    for (const Event& event : test::hello(asked.requests[i])) asked.format->take(i, event, text);
  asked.format->end(text);
  return text;
}

void check_answer(std::string_view text, Delivery delivery) {
  if (delivery == Delivery::kWhole) return check(Json::accept(text), "an answer in JSON");
  constexpr std::string_view kData = "data: ";
  while (!text.empty()) {
    if (text.starts_with("event: ")) text.remove_prefix(text.find('\n') + 1);
    const size_t end = text.find("\n\n");
    check(text.starts_with(kData) && end != std::string_view::npos, "an event");
    const std::string_view data = text.substr(kData.size(), end - kData.size());
    check(data == "[DONE]" || Json::accept(data), "an event's data in JSON");
    text.remove_prefix(end + 2);
  }
}

void check_asked(ApiRequest asked) {
  check(!asked.requests.empty(), "a request");
  size_t choices = 0;
  for (const Request& request : asked.requests) {
    check(request.choices >= 1 && request.max_tokens >= -1, "a request within its limits");
    choices += static_cast<size_t>(request.choices);
  }
  if (choices <= 512) check_answer(answer_of(asked), asked.delivery);
}

void check_said(const Json& json) { check(Json::accept(to_text(json)), "an answer in JSON"); }

void read(uint8_t endpoint, std::string_view body) {
  const Json json = parse_body(body);
  Fields fields(json);
  static openai::KeptResponses kept;
  kept.store = std::make_shared<openai::ResponseStore>(1 << 20);
  switch (endpoint % 9) {
    case 0:
      model_of(fields);
      return check_asked(openai::chat_completion(fields, engine()));
    case 1:
      model_of(fields);
      return check_asked(openai::completion(fields, engine()));
    case 2:
      model_of(fields);
      return check_asked(openai::response(fields, engine(), kept));
    case 3:
      model_of(fields);
      return check_asked(anthropic::message(fields, engine()));
    case 4:
      return check_said(openai::response_input_tokens(fields, engine(), *kept.store));
    case 5:
      return check_said(anthropic::count_tokens(fields, engine()));
    case 6:
      return check_said(tokenize(fields, engine()));
    case 7:
      return check_said(detokenize(fields, engine()));
    default:
      return check_said(apply_template(fields, engine()));
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  try {
    read(data[0], {reinterpret_cast<const char*>(data + 1), size - 1});
  } catch (const ApiError& e) {
    check(e.status() >= 400 && e.status() < 500, "a client's fault");
    check(Json::accept(error_json(e)), "an error in JSON");
  }
  return 0;
}
