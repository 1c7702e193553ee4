// What the server has at which path: a request's route, and what is said where there is none.
#pragma once
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/json.h"
#include "ferrum/engine.h"
#include "server/api/api_request.h"
#include "server/api/fields.h"
#include "server/http/http_server.h"

namespace ferrum::server {

using DirectHandler = std::function<HttpResponse(const HttpRequest&)>;  // responds at once, without a model
// Needs a model, which may have to be loaded first.
using ModelHandler = std::function<Json(Fields& body, const Engine&)>;
using EngineHandler = std::function<HttpResponse(Fields& body, Engine&)>;  // the same, and changes the engine
using GenerationHandler = std::function<ApiRequest(Fields& body, const Engine&)>;  // generates tokens
// Makes embeddings, scores or hidden states of texts. Whether the model can is the handler's to say.
struct TextHandler {
  std::function<ApiRequest(Fields& body, const Engine&)> handle;
};
using ReplayHandler = std::function<Reply(const HttpRequest&)>;  // at once, perhaps with events

struct Route {
  enum class Key { kRequired, kNotRequired };

  const char* method;
  const char* path;  // a pattern, which may contain one * for a name
  std::variant<DirectHandler, ModelHandler, EngineHandler, GenerationHandler, TextHandler, ReplayHandler>
      handler;
  Key key = Key::kRequired;
};

// The label of paths without a route.
inline constexpr const char* kNoRoute = "other";

// A request's route, or the methods that its path allows.
struct RouteMatch {
  const Route* route = nullptr;
  const char* path = kNoRoute;  // the pattern
  std::string methods;
};

// The part of the path that a pattern's * matches; the whole path if the pattern has none; nullopt if it does
// not match.
std::optional<std::string_view> named_in(std::string_view path, std::string_view pattern);
// The same as text; empty if it does not match.
std::string name_in(const HttpRequest& request, const char* pattern);

class Routes {
 public:
  // The first that matches handles a request.
  explicit Routes(std::vector<Route> routes) : routes_(std::move(routes)) {}

  // Clients are often configured with a base URL that lacks /v1, or has it twice; the meaning is clear.
  // Corrects the request's path.
  RouteMatch match(HttpRequest& request) const;
  // Throws ApiError 404 with a hint, or 405 with the methods that the path takes, also as a header.
  const Route& route_of(const HttpRequest& request, const RouteMatch& match, Responder& out) const;

 private:
  RouteMatch match(std::string_view method, std::string_view path) const;
  // A suggestion of the intended path.
  std::string hint_for(const HttpRequest& request) const;

  std::vector<Route> routes_;
};

}  // namespace ferrum::server
