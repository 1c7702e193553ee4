#include "server/server.h"

#include <fmt/format.h>
#include <algorithm>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/thread_pool.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/system/system_error.hpp>
#include <variant>

#include "base/error.h"
#include "base/isa_choice.h"
#include "base/log.h"
#include "server/access.h"
#include "server/adapters.h"
#include "server/anthropic/anthropic.h"
#include "server/api/api_error.h"
#include "server/infill.h"
#include "server/metrics.h"
#include "server/model_list.h"
#include "server/openai/openai.h"
#include "server/openai/responses.h"
#include "server/routes.h"
#include "server/running.h"
#include "server/text_tools.h"
#include "server/texts/texts.h"
#include "server/texts/uses.h"
#include "server/views.h"
#include "server/web/page.h"

namespace ferrum::server {
namespace {

namespace asio = boost::asio;

constexpr size_t kWorkers = 2;
constexpr const char* kAssetsPath = "/assets/*";
constexpr const char* kModelsPath = "/v1/models";
constexpr const char* kModelPath = "/v1/models/*";
constexpr const char* kResponsePath = "/v1/responses/*";
constexpr const char* kCancelPath = "/v1/responses/*/cancel";
constexpr const char* kItemsPath = "/v1/responses/*/input_items";
constexpr const char* kAdaptersPath = "/lora-adapters";
constexpr const char* kMessagesPath = "/v1/messages";
constexpr const char* kIgnoredHeader = "X-Ferrum-Ignored";

// Whether the client speaks Anthropic's API. OpenAI's has the paths of models as well; there a header of
// Anthropic's clients decides.
bool is_anthropic(const HttpRequest& request) {
  if (request.path.starts_with(kMessagesPath)) return true;
  return request.path.starts_with(kModelsPath) && request.header("anthropic-version");
}

// In the error format of the client's API.
HttpResponse error_reply(const HttpRequest& request, const ApiError& error) {
  return is_anthropic(request) ? anthropic::error_response(error) : error_response(error);
}

// Names the fields of a request that had no effect in a response header and in the log.
void add_ignored(const HttpRequest& request, const Fields& body, HttpHeaders& headers) {
  if (body.ignored().empty()) return;
  const std::string names = fmt::format("{}", fmt::join(body.ignored(), ", "));
  headers.emplace_back(kIgnoredHeader, names);
  log::warn("{} ({}): ignored {}", in_quotes(request.path), request.id, names);
}

HttpResponse json_reply(const Json& json, int status = 200) {
  return {.status = status, .body = to_text(json)};
}

}  // namespace

class Server::Impl {
 public:
  explicit Impl(const ServerOptions& options)
      : options_(options),
        responses_{std::make_shared<openai::ResponseStore>(options.max_response_bytes), {}},
        routes_(routes()),
        models_(options.models),
        http_(
            options.http, [this](HttpRequest& request, Responder& out) { return serve(request, out); },
            [this](int status) {
              counts_.add({kNoRoute, kNoRoute, status});
            }),
        access_({.keys = options.api_keys,
                 .origins = options.allowed_origins,
                 .hosts = options.allowed_hosts,
                 .loopback = http_.is_loopback()}) {}

  // Before the requests that wait for a model are destroyed.
  ~Impl() {
    responses_.background.cancel_all();
    models_.close();
  }

  ModelPool& models() { return models_; }
  int connections() const { return http_.connections(); }

  std::string url() const {
    if (options_.http.host.starts_with("unix:")) return "http+" + options_.http.host;
    const bool v6 = options_.http.host.find(':') != std::string::npos;
    return fmt::format("{}://{}{}{}:{}", options_.http.tls_key.empty() ? "http" : "https", v6 ? "[" : "",
                       options_.http.host, v6 ? "]" : "", http_.port());
  }

  void run() { http_.run(); }
  void stop(std::chrono::seconds patience) {
    draining_ = true;
    http_.stop(patience);
    responses_.background.cancel_all();
    models_.close();
  }

 private:
  // The first match handles the request. The page requires no key: it has no secrets, and asks its user for
  // one.
  std::vector<Route> routes() {
    std::vector<Route> all = {
        {"GET", "/", DirectHandler(web::page), Route::Key::kNotRequired},
        {"GET", "/licences.txt", DirectHandler(web::page), Route::Key::kNotRequired},
        {"GET", "/preview.html", DirectHandler(web::page), Route::Key::kNotRequired},
        {"GET", "/tools.html", DirectHandler(web::page), Route::Key::kNotRequired},
        {"GET", kAssetsPath, DirectHandler(web::page), Route::Key::kNotRequired},
        {"GET", "/health", DirectHandler([this](const auto& /*request*/) { return health(); }),
         Route::Key::kNotRequired},
        {"GET", "/metrics", DirectHandler([this](const auto& /*request*/) { return metrics(); })},
        {"GET", "/props", DirectHandler([this](const auto& /*request*/) { return props(); })},
        {"GET", kModelsPath, DirectHandler([this](const HttpRequest& request) {
           return json_reply(list_models(models_, request.query, is_anthropic(request)));
         })},
        {"GET", kModelPath, DirectHandler([this](const HttpRequest& request) {
           return json_reply(show_model(models_, name_in(request, kModelPath), is_anthropic(request)));
         })},
        {"POST", "/v1/chat/completions", GenerationHandler(openai::chat_completion)},
        {"POST", "/v1/completions", GenerationHandler(openai::completion)},
        {"POST", "/v1/responses", GenerationHandler([this](Fields& body, const Engine& engine) {
           return openai::response(body, engine, responses_);
         })},
        {"POST", "/v1/responses/input_tokens", ModelHandler([this](Fields& body, const Engine& engine) {
           return openai::response_input_tokens(body, engine, *responses_.store);
         })},
        {"GET", kItemsPath, DirectHandler([this](const HttpRequest& request) {
           return json_reply(openai::input_items(name_in(request, kItemsPath), request.query, responses_));
         })},
        {"GET", kResponsePath, ReplayHandler([this](const HttpRequest& request) {
           return openai::kept_response(name_in(request, kResponsePath), request.query, responses_);
         })},
        {"POST", kCancelPath, DirectHandler([this](const HttpRequest& request) {
           return HttpResponse{.body = openai::cancelled_response(name_in(request, kCancelPath), responses_)};
         })},
        {"DELETE", kResponsePath, DirectHandler([this](const HttpRequest& request) {
           return json_reply(openai::delete_response(name_in(request, kResponsePath), responses_));
         })},
        {"POST", kMessagesPath, GenerationHandler(anthropic::message)},
        {"POST", "/v1/messages/count_tokens", ModelHandler(anthropic::count_tokens)},
        {"POST", "/infill", GenerationHandler(infill)},
        {"POST", "/v1/load_lora_adapter", EngineHandler(load_adapter)},
        {"POST", "/v1/unload_lora_adapter", EngineHandler(unload_adapter)},
        {"GET", kAdaptersPath, DirectHandler([this](const auto& /*request*/) {
           return json_reply(adapters_json(*first_engine(models_), default_adapters_.of(models_.first())));
         })},
        {"POST", kAdaptersPath, DirectHandler([this](const HttpRequest& request) {
           default_adapters_.set(models_.first(),
                                 read_default(parse_body(request.body), *first_engine(models_)));
           return json_reply({{"success", true}});
         })},
        {"POST", "/v1/embeddings", TextHandler{texts::embeddings}},
        {"POST", "/embedding", TextHandler{texts::plain_embeddings}},
        {"POST", "/pooling", TextHandler{texts::states}},
        {"POST", "/v1/rerank", TextHandler{texts::rerank}},
        {"POST", "/v2/rerank", TextHandler{texts::rerank}},
        {"POST", "/v1/score", TextHandler{texts::score}},
        {"POST", "/classify", TextHandler{texts::classify}},
        {"GET", "/tokenizer_info", DirectHandler([this](const auto& /*request*/) {
           return json_reply(tokenizer_info(*first_engine(models_)));
         })},
        {"POST", "/tokenize", ModelHandler(tokenize)},
        {"POST", "/detokenize", ModelHandler(detokenize)},
        {"POST", "/apply-template", ModelHandler(apply_template)},
    };
    if (options_.show_running)
      all.push_back({"GET", "/running", DirectHandler([this](const auto& /*request*/) {
                       return json_reply({{"requests", running_.json()}});
                     })});
    return all;
  }

  // The route is decided once, before the key is checked, so no spelling of a path reaches a handler without
  // the check that its route requires.
  asio::awaitable<void> serve(HttpRequest& request, Responder& out) {
    const RouteMatch match = routes_.match(request);
    const auto count = [&](int status) { counts_.add({match.path, method_label(request.method), status}); };
    constexpr int kClientClosedRequest = 499;
    try {
      co_await dispatch(request, match, out);
      count(out.began() ? out.status() : kClientClosedRequest);
    } catch (const boost::system::system_error&) {  // of a connection
      count(out.began() ? out.status() : kClientClosedRequest);
      throw;
    } catch (...) {
      count(out.began() ? out.status() : 500);
      throw;
    }
  }

  asio::awaitable<void> dispatch(const HttpRequest& request, const RouteMatch& match, Responder& out) {
    std::optional<HttpResponse> reply;  // empty: generate() has responded, or the client is gone
    if (is_anthropic(request)) out.add_headers({{"Request-Id", request.id}});
    try {
      access_.check_origin(request);
      out.add_headers(access_.cors_headers(request));
      if (request.method == "OPTIONS") {
        reply = HttpResponse{.status = 204};
      } else {
        if (requires_key(request, match)) access_.check_key(request);
        const Route& route = routes_.route_of(request, match, out);
        if (request.method == "POST") Access::check_content(request);
        if (const DirectHandler* at_once = std::get_if<DirectHandler>(&route.handler))
          reply = (*at_once)(request);
        else if (const ModelHandler* handler = std::get_if<ModelHandler>(&route.handler))
          reply = co_await respond(*handler, request);
        else if (const EngineHandler* change = std::get_if<EngineHandler>(&route.handler))
          reply = co_await respond(*change, request);
        else if (const ReplayHandler* kept = std::get_if<ReplayHandler>(&route.handler))
          co_await send((*kept)(request), out);
        else if (const TextHandler* of_texts = std::get_if<TextHandler>(&route.handler))
          co_await generate(of_texts->handle, request, out);
        else
          co_await generate(generation(std::get<GenerationHandler>(route.handler)), request, out);
      }
    } catch (const ApiError& e) {
      reply = error_reply(request, e);
    } catch (const Error& e) {
      reply = error_reply(request, api_error({std::string(name_of(e.code())), e.what()}));
    }
    if (reply && !out.began()) co_await out.send(std::move(*reply));
  }

  static bool requires_key(const HttpRequest& request, const RouteMatch& match) {
    if (!match.route || match.route->key == Route::Key::kRequired) return true;
    return match.path == std::string_view(kAssetsPath) && !web::is_page(request.path);
  }

  // Runs slow work on another thread, so that other connections need not wait for it.
  template <class Work>
  asio::awaitable<std::invoke_result_t<Work>> elsewhere(Work work) {
    return asio::co_spawn(
        workers_,
        [work = std::move(work)]() -> asio::awaitable<std::invoke_result_t<Work>> { co_return work(); },
        asio::use_awaitable);
  }

  // Loads the model first if necessary, however long that takes.
  asio::awaitable<std::shared_ptr<Engine>> engine_of(const std::string& name) {
    const asio::any_io_executor executor = co_await asio::this_coro::executor;
    co_return co_await asio::async_initiate<decltype(asio::use_awaitable),
                                            void(std::exception_ptr, std::shared_ptr<Engine>)>(
        [&](auto handler) {
          auto shared = std::make_shared<decltype(handler)>(std::move(handler));
          models_.get(name, [shared, executor](std::exception_ptr error, std::shared_ptr<Engine> engine) {
            asio::post(executor, [shared, error, engine = std::move(engine)]() mutable {
              (*shared)(error, std::move(engine));
            });
          });
        },
        asio::use_awaitable);
  }

  struct Parsed {
    Json json;
    AdaptedModel model;
  };
  asio::awaitable<Parsed> parse(const HttpRequest& request) {
    co_return co_await elsewhere([&] {
      Parsed parsed = {.json = parse_body(request.body), .model = {}};
      Fields body(parsed.json);
      // If several models are served, requests without a model name go to the first one.
      if (const Json* model = body.find("model"); !model || *model == "")
        parsed.json["model"] = models_.first();
      parsed.model = adapted_model(model_of(body), models_);
      return parsed;
    });
  }

  template <class Handler>  // ModelHandler or EngineHandler
  asio::awaitable<HttpResponse> respond(const Handler& handler, const HttpRequest& request) {
    const Parsed parsed = co_await parse(request);
    const std::shared_ptr<Engine> engine = co_await engine_of(parsed.model.model);
    co_return co_await elsewhere([&] {
      Fields body(parsed.json, options_.hints, request.body);
      HttpResponse response;
      if constexpr (std::is_same_v<Handler, ModelHandler>)
        response = json_reply(handler(body, *engine));
      else
        response = handler(body, *engine);
      add_ignored(request, body, response.headers);
      return response;
    });
  }

  // A request that has been submitted to the engine.
  struct Submitted {
    std::unique_ptr<Format> format;
    Delivery delivery;
    Streams streams;
    HttpHeaders headers;  // of the response
    decltype(ApiRequest::take_over) take_over;
  };

  asio::awaitable<void> send(Reply reply, Responder& out) {
    if (auto* response = std::get_if<HttpResponse>(&reply)) co_return co_await out.send(std::move(*response));
    auto& replay = std::get<Replay>(reply);
    co_await answer(std::move(replay.streams), *replay.format, Delivery::kStream, options_.clock, out);
  }

  // Refused by a model that makes embeddings or scores.
  static GenerationHandler generation(const GenerationHandler& handler) {
    return [&handler](Fields& body, const Engine& engine) {
      require_generation(body, engine);
      return handler(body, engine);
    };
  }

  // Of texts as well, whose results come as a stream of events too.
  asio::awaitable<void> generate(const GenerationHandler& handler, const HttpRequest& request,
                                 Responder& out) {
    if (draining_) throw ApiError(503, "unavailable", "", "the server is stopping");
    const Parsed parsed = co_await parse(request);
    const std::shared_ptr<Engine> engine = co_await engine_of(parsed.model.model);  // outlives its streams
    Submitted s = co_await elsewhere([&] {
      Fields body(parsed.json, options_.hints, request.body);
      ApiRequest api_request = handler(body, *engine);
      Streams streams;
      if (api_request.texts) {
        api_request.texts->deadline_seconds = options_.request_timeout;
        streams.push_back(engine->submit_texts(*std::move(api_request.texts)));
      } else {
        choose_adapter(body, parsed.model, *engine, default_adapters_, api_request.requests);
        for (Request& r : api_request.requests) r.deadline_seconds = options_.request_timeout;
        streams = within(engine->submit_batch(std::move(api_request.requests)), api_request.line_limits);
      }
      HttpHeaders headers;
      add_ignored(request, body, headers);
      return Submitted{std::move(api_request.format), api_request.delivery, std::move(streams),
                       std::move(headers), std::move(api_request.take_over)};
    });
    out.add_headers(s.headers);
    if (s.take_over) co_return co_await send(s.take_over(engine, std::move(s.streams)), out);
    if (options_.show_running)
      s.format = std::make_unique<CountedFormat>(
          std::move(s.format),
          running_.enter(request.path, parsed.model.model, s.streams.size(), s.delivery));
    co_await answer(std::move(s.streams), *s.format, s.delivery, options_.clock, out);
  }

  HttpResponse health() const {
    const Json health = health_json(models_.all(), draining_);
    return json_reply(health, health.at("status") == "ok" ? 200 : 503);
  }
  HttpResponse metrics() const {
    return {.content_type = "text/plain; version=0.0.4; charset=utf-8",
            .body = prometheus_text(engine_stats(models_), {.version = options_.version,
                                                            .connections = http_.connections(),
                                                            .requests = counts_.all(),
                                                            .adapters = adapter_stats(models_),
                                                            .process = process_stats()})};
  }
  HttpResponse props() const {
    const Isa isa = selected_isa();
    return json_reply({{"models", props_json(models_.all())},
                       {"cpu", {{"isa", name_of(isa)}, {"products", products_of(isa)}}},
                       {"request_timeout_seconds", options_.request_timeout},
                       {"max_body_bytes", options_.http.max_body_bytes}});
  }

  const ServerOptions options_;
  RequestCounts counts_;
  openai::KeptResponses responses_;
  RunningRequests running_;
  DefaultAdapters default_adapters_;
  const Routes routes_;
  std::atomic<bool> draining_ = false;
  ModelPool models_;
  HttpServer http_;
  Access access_;
  // Last, so that its work for connections ends before the members above are destroyed.
  asio::thread_pool workers_{kWorkers};
};

Server::Server(const ServerOptions& options) : impl_(std::make_unique<Impl>(options)) {}
Server::~Server() = default;
ModelPool& Server::models() { return impl_->models(); }
int Server::connections() const { return impl_->connections(); }
std::string Server::url() const { return impl_->url(); }
void Server::run() { impl_->run(); }
void Server::stop(std::chrono::seconds patience) { impl_->stop(patience); }

}  // namespace ferrum::server
