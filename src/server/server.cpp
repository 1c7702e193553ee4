#include "server/server.h"

#include <strings.h>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/thread_pool.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <map>
#include <mutex>
#include <span>

#include "base/error.h"
#include "base/log.h"
#include "server/access.h"
#include "server/anthropic/anthropic.h"
#include "server/api/api_error.h"
#include "server/api/fields.h"
#include "server/metrics.h"
#include "server/openai/common.h"
#include "server/openai/openai.h"
#include "server/openai/responses.h"

namespace ferrum::server {
namespace {

namespace asio = boost::asio;

Access::Options access_options(const ServerOptions& o) {
  const std::string& host = o.http.host;
  return {.keys = o.api_keys,
          .origins = o.allowed_origins,
          .loopback = host == "localhost" || host == "::1" || host.starts_with("127.")};
}

struct Model {
  std::string name;
  std::shared_ptr<Engine> engine;
  int64_t created = now();
};

Json model_json(const Model& model) {
  return {{"id", model.name},
          {"object", "model"},
          {"created", model.created},
          {"owned_by", "ferrum"},
          {"context_length", model.engine->info().context}};
}

}  // namespace

class Server::Impl {
 public:
  explicit Impl(const ServerOptions& options)
      : options_(options),
        access_(access_options(options)),
        responses_(std::make_shared<openai::ResponseStore>(options.max_response_bytes)),
        http_(options.http,
              [this](const HttpRequest& request, Responder& out) { return serve(request, out); }) {}

  void set_model(const std::string& name, std::shared_ptr<Engine> engine) {
    const std::lock_guard lock(mutex_);
    models_.insert_or_assign(name, Model{.name = name, .engine = std::move(engine)});
  }

  std::string url() const {
    if (options_.http.host.starts_with("unix:")) return "http+" + options_.http.host;
    const bool v6 = options_.http.host.find(':') != std::string::npos;
    return fmt::format("{}://{}{}{}:{}", options_.http.tls_key.empty() ? "http" : "https", v6 ? "[" : "",
                       options_.http.host, v6 ? "]" : "", http_.port());
  }

  int connections() const { return http_.connections(); }
  void run() { http_.run(); }
  void stop(std::chrono::seconds patience) {
    draining_ = true;
    http_.stop(patience);
  }

 private:
  // Most answers are there at once; those that wait for an engine are coroutines.
  using Reply = HttpResponse (Impl::*)(const HttpRequest&);
  using Conversation = asio::awaitable<void> (Impl::*)(const HttpRequest&, Responder&);
  struct Route {
    const char* method;
    const char* path;  // may have one *: whatever stands there is a name
    Reply reply = nullptr;
    Conversation conversation = nullptr;
  };
  static constexpr const char* kModelPath = "/v1/models/*";
  static constexpr const char* kResponsePath = "/v1/responses/*";
  static constexpr const char* kInputItemsPath = "/v1/responses/*/input_items";
  static constexpr std::string_view kMessagesPath = "/v1/messages";
  static constexpr size_t kWorkers = 2;

  static std::span<const Route> routes() {
    static constexpr Route kRoutes[] = {
        {"GET", "/health", &Impl::health},
        {"GET", "/metrics", &Impl::metrics},
        {"GET", "/props", &Impl::props},
        {"GET", "/v1/models", &Impl::models},
        {"GET", kModelPath, &Impl::model},
        {"POST", "/v1/chat/completions", nullptr, &Impl::chat_completions},
        {"POST", "/v1/completions", nullptr, &Impl::completions},
        {"POST", "/v1/responses", nullptr, &Impl::create_response},
        {"POST", "/v1/responses/input_tokens", &Impl::response_input_tokens},
        {"GET", kInputItemsPath, &Impl::input_items},
        {"GET", kResponsePath, &Impl::get_response},
        {"DELETE", kResponsePath, &Impl::delete_response},
        {"POST", kMessagesPath.data(), nullptr, &Impl::messages},
        {"POST", "/v1/messages/count_tokens", &Impl::count_tokens},
        {"POST", "/tokenize", &Impl::tokenize},
        {"POST", "/detokenize", &Impl::detokenize},
        {"POST", "/apply-template", &Impl::apply_template},
    };
    return kRoutes;
  }

  asio::awaitable<void> serve(const HttpRequest& request, Responder& out) {
    HttpResponse reply;
    try {
      access_.check_origin(request);
      out.add_headers(access_.cors_headers(request));
      if (request.method == "OPTIONS") {
        reply.status = 204;
      } else {
        if (request.path != "/health") access_.check_key(request);
        const Route& route = route_of(request, out);
        if (request.method == "POST") check_content(request);
        if (route.conversation) {
          co_await (this->*route.conversation)(request, out);
          co_return;
        }
        if (request.method == "POST")
          reply = co_await elsewhere([&] { return (this->*route.reply)(request); });
        else
          reply = (this->*route.reply)(request);
      }
    } catch (const ApiError& e) {
      reply = error_reply(request, e);
    } catch (const Error& e) {
      reply = error_reply(request, api_error({std::string(name_of(e.code())), e.what()}));
    }
    if (out.began()) co_return;
    co_await out.send(std::move(reply));
  }

  // In the shape that the path's clients read.
  static HttpResponse error_reply(const HttpRequest& request, const ApiError& error) {
    return request.path.starts_with(kMessagesPath) ? anthropic::error_response(error) : error_response(error);
  }

  // What may take its time: no other connection waits for it.
  template <class Work>
  asio::awaitable<std::invoke_result_t<Work>> elsewhere(Work work) {
    return asio::co_spawn(
        workers_,
        [work = std::move(work)]() -> asio::awaitable<std::invoke_result_t<Work>> { co_return work(); },
        asio::use_awaitable);
  }

  // Bodies are JSON as it stands. (A web page may send other types without asking first.)
  static void check_content(const HttpRequest& request) {
    const std::string_view encoding = request.header("content-encoding").value_or("identity");
    if (encoding != "identity")
      throw ApiError(415, "unsupported_media_type", "",
                     "bodies must come as they are, not in the encoding " + in_quotes(encoding));
    const std::string type(request.header("content-type").value_or("application/json"));
    if (strcasecmp(type.substr(0, type.find_first_of("; ")).c_str(), "application/json") != 0)
      throw ApiError(415, "unsupported_media_type", "",
                     "bodies must have the Content-Type application/json, not " + in_quotes(type));
  }

  // What stands in the place of a pattern's *; the whole path where it has none; nothing if it does not
  // match.
  static std::optional<std::string_view> named_in(std::string_view path, std::string_view pattern) {
    const size_t star = pattern.find('*');
    if (star == std::string_view::npos) return path == pattern ? std::optional(path) : std::nullopt;
    const std::string_view before = pattern.substr(0, star);
    const std::string_view after = pattern.substr(star + 1);
    if (path.size() <= before.size() + after.size() || !path.starts_with(before) || !path.ends_with(after))
      return std::nullopt;
    return path.substr(before.size(), path.size() - before.size() - after.size());
  }
  static std::string name_in(const HttpRequest& request, const char* pattern) {
    return std::string(named_in(request.path, pattern).value_or(""));
  }

  static const Route& route_of(const HttpRequest& request, Responder& out) {
    const std::string_view method = request.method == "HEAD" ? "GET" : std::string_view(request.method);
    std::string others;
    for (const Route& route : routes()) {
      if (!named_in(request.path, route.path)) continue;
      if (method == route.method) return route;
      others += std::string(others.empty() ? "" : ", ") + route.method;
      if (route.method == std::string_view("GET")) others += ", HEAD";
    }
    if (!others.empty()) {
      out.add_headers({{"Allow", others + ", OPTIONS"}});
      throw ApiError(405, "method_not_allowed", "",
                     in_quotes(request.path) + " takes " + others + ", not " + in_quotes(request.method));
    }
    throw ApiError(404, "not_found", "", "there is nothing at " + in_quotes(request.path));
  }

  Model model_named(const std::string& name) const {
    const std::lock_guard lock(mutex_);
    if (models_.empty()) throw ApiError(503, "loading", "", "the model is being loaded");
    const auto found = models_.find(name);
    if (found == models_.end())
      throw ApiError(404, "model_not_found", "model",
                     "there is no model " + in_quotes(name) + " here, but " + names());
    return found->second;
  }
  std::string names() const {
    std::string all;
    for (const auto& [name, model] : models_) all += (all.empty() ? "" : ", ") + in_quotes(name);
    return all;
  }
  // Where a request may leave it open which.
  Model model_of(Fields& body) const {
    if (const auto name = body.text("model")) return model_named(*name);
    const std::lock_guard lock(mutex_);
    if (models_.empty()) throw ApiError(503, "loading", "", "the model is being loaded");
    return models_.begin()->second;
  }

  // A request that the engine has.
  struct Submitted {
    std::shared_ptr<Engine> engine;  // outlives its streams
    std::unique_ptr<Format> format;
    Delivery delivery;
    Streams streams;
  };
  using Read = std::function<Asked(Fields&, const Engine&)>;

  Submitted submit(const Read& read, const HttpRequest& request) const {
    const Json json = parse_body(request.body);
    Fields body(json);
    Model model = model_named(server::model_of(body));
    Asked asked = read(body, *model.engine);
    Streams streams;
    for (Request& r : asked.requests) {
      r.deadline_seconds = options_.request_timeout;
      streams.push_back(model.engine->submit(std::move(r)));
    }
    return {std::move(model.engine), std::move(asked.format), asked.delivery, std::move(streams)};
  }

  asio::awaitable<void> complete(Read read, const HttpRequest& request, Responder& out) {
    if (draining_) throw ApiError(503, "unavailable", "", "the server is stopping");
    Submitted s = co_await elsewhere([&] { return submit(read, request); });
    co_await answer(std::move(s.streams), *s.format, s.delivery, out);
  }
  asio::awaitable<void> chat_completions(const HttpRequest& request, Responder& out) {
    return complete(openai::chat_completion, request, out);
  }
  asio::awaitable<void> completions(const HttpRequest& request, Responder& out) {
    return complete(openai::completion, request, out);
  }

  asio::awaitable<void> create_response(const HttpRequest& request, Responder& out) {
    return complete(
        [this](Fields& body, const Engine& engine) { return openai::response(body, engine, responses_); },
        request, out);
  }
  asio::awaitable<void> messages(const HttpRequest& request, Responder& out) {
    return complete(anthropic::message, request, out);
  }

  HttpResponse count_tokens(const HttpRequest& request) {
    const Json json = parse_body(request.body);
    Fields body(json);
    return {.body = to_text(anthropic::count_tokens(body, *model_of(body).engine))};
  }
  HttpResponse response_input_tokens(const HttpRequest& request) {
    const Json json = parse_body(request.body);
    Fields body(json);
    return {.body = to_text(openai::response_input_tokens(body, *model_of(body).engine, *responses_))};
  }
  std::shared_ptr<const openai::StoredResponse> stored(const std::string& id) const {
    auto response = responses_->find(id);
    if (!response)
      throw ApiError(404, "not_found", "", "there is no response " + in_quotes(id) + " here (any more)");
    return response;
  }
  HttpResponse get_response(const HttpRequest& request) {
    return {.body = stored(name_in(request, kResponsePath))->body};
  }
  HttpResponse delete_response(const HttpRequest& request) {
    const std::string id = name_in(request, kResponsePath);
    stored(id);
    responses_->erase(id);
    return {.body = to_text({{"id", id}, {"object", "response"}, {"deleted", true}})};
  }
  HttpResponse input_items(const HttpRequest& request) {
    Json items = Json::parse(stored(name_in(request, kInputItemsPath))->input_items);
    Json list = {{"object", "list"}, {"has_more", false}};
    list["first_id"] = items.front().at("id");
    list["last_id"] = items.back().at("id");
    list["data"] = std::move(items);
    return {.body = to_text(list)};
  }

  HttpResponse models(const HttpRequest& /*request*/) {
    Json data = Json::array();
    {
      const std::lock_guard lock(mutex_);
      for (const auto& [name, model] : models_) data.push_back(model_json(model));
    }
    return {.body = to_text({{"object", "list"}, {"data", std::move(data)}})};
  }
  HttpResponse model(const HttpRequest& request) {
    return {.body = to_text(model_json(model_named(name_in(request, kModelPath))))};
  }

  HttpResponse tokenize(const HttpRequest& request) {
    const Json json = parse_body(request.body);
    Fields body(json);
    const Model model = model_of(body);
    const std::optional<std::string> content = body.text("content");
    if (!content) throw ApiError(400, "missing_required_parameter", "content", "content is missing");
    body.refuse_others();
    const std::vector<int32_t> ids = model.engine->tokens_of(TextPrompt{*content});
    return {.body = to_text({{"tokens", ids}, {"count", ids.size()}})};
  }
  HttpResponse detokenize(const HttpRequest& request) {
    const Json json = parse_body(request.body);
    Fields body(json);
    const Model model = model_of(body);
    const auto ids = body.integers("tokens");
    if (!ids) throw ApiError(400, "missing_required_parameter", "tokens", "tokens are missing");
    body.refuse_others();
    return {.body = to_text({{"content", model.engine->text_of(*ids)}})};
  }
  HttpResponse apply_template(const HttpRequest& request) {
    const Json json = parse_body(request.body);
    Fields body(json);
    const Model model = model_of(body);
    const ChatPrompt chat = openai::chat_prompt(body);
    body.refuse_others();
    return {.body = to_text({{"prompt", model.engine->render(chat)}})};
  }

  // Whether it makes sense to send requests here, for those who deal them out and for those who restart what
  // hangs.
  HttpResponse health(const HttpRequest& /*request*/) {
    Json health = {{"status", "ok"}};
    {
      const std::lock_guard lock(mutex_);
      if (models_.empty()) health["status"] = "loading";
      for (const auto& [name, model] : models_)
        if (const EngineStats stats = model.engine->stats(); stats.stalled)
          health = {{"status", "stuck"}, {"model", name}, {"seconds_in_step", stats.seconds_in_step}};
    }
    if (draining_ && health["status"] != "stuck") health["status"] = "draining";
    return {.status = health["status"] == "ok" ? 200 : 503, .body = to_text(health)};
  }
  HttpResponse metrics(const HttpRequest& /*request*/) {
    std::string text;
    {
      const std::lock_guard lock(mutex_);
      std::vector<std::pair<std::string, EngineStats>> all;
      for (const auto& [name, model] : models_) all.emplace_back(name, model.engine->stats());
      text = prometheus_text(all, http_.connections());
    }
    return {.content_type = "text/plain; version=0.0.4; charset=utf-8", .body = std::move(text)};
  }
  HttpResponse props(const HttpRequest& /*request*/) {
    Json all = Json::array();
    {
      const std::lock_guard lock(mutex_);
      for (const auto& [name, model] : models_) {
        const ModelInfo& info = model.engine->info();
        const MemoryPlan& memory = model.engine->memory();
        all.push_back({{"id", name},
                       {"name", info.name},
                       {"architecture", info.architecture},
                       {"format", info.format},
                       {"parameters", info.parameters},
                       {"context_length", info.context},
                       {"chat_template", info.has_chat_template},
                       {"memory",
                        {{"weights_bytes", memory.weights},
                         {"kv_bytes", memory.kv},
                         {"kv_tokens", memory.tokens},
                         {"activations_bytes", memory.activations}}}});
      }
    }
    return {.body = to_text({{"models", std::move(all)},
                             {"request_timeout_seconds", options_.request_timeout},
                             {"max_body_bytes", options_.http.max_body_bytes}})};
  }

  ServerOptions options_;
  Access access_;
  std::shared_ptr<openai::ResponseStore> responses_;
  std::atomic<bool> draining_ = false;
  mutable std::mutex mutex_;
  std::map<std::string, Model> models_;  // by name
  HttpServer http_;
  asio::thread_pool workers_{kWorkers};  // last: what it does for connections ends before they go
};

Server::Server(const ServerOptions& options) : impl_(std::make_unique<Impl>(options)) {}
Server::~Server() = default;
void Server::set_model(const std::string& name, std::shared_ptr<Engine> engine) {
  impl_->set_model(name, std::move(engine));
}
int Server::connections() const { return impl_->connections(); }
std::string Server::url() const { return impl_->url(); }
void Server::run() { impl_->run(); }
void Server::stop(std::chrono::seconds patience) { impl_->stop(patience); }

}  // namespace ferrum::server
