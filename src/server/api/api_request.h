// A parsed API request: the engine requests it stands for, and the format of its response.
#pragma once
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "server/api/answering.h"
#include "server/api/fields.h"
#include "server/api/line_limits.h"

namespace ferrum::server {

// The events of a response that is kept elsewhere, as a client gets them.
struct Replay {
  Streams streams;
  std::unique_ptr<Format> format;
};
using Reply = std::variant<HttpResponse, Replay>;

struct ApiRequest {
  std::vector<Request> requests;       // one for each prompt; all have the same number of choices
  std::optional<TextRequest> texts{};  // in place of requests: what a model is to make of texts
  LineLimits line_limits{};            // of answers whose requests have one choice
  Delivery delivery = Delivery::kWhole;
  std::unique_ptr<Format> format;
  // If set, called with the engine and the streams instead of answering with their events; there is no format
  // then. Returns what is sent instead.
  std::function<Reply(std::shared_ptr<Engine>, Streams)> take_over{};
};

// The name of the model that a request asks for. 400 if it has none.
std::string model_of(Fields& body);

}  // namespace ferrum::server
