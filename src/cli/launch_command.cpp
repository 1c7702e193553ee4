// ferrum launch: a coding agent, and a server for it.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdlib>
#include <memory>
#include <optional>
#include <thread>
#include <utility>

#include "base/error.h"
#include "base/log.h"
#include "checkpoint/checkpoint.h"
#include "cli/agents.h"
#include "cli/child_process.h"
#include "cli/command.h"
#include "cli/load_model.h"
#include "cli/manual/version.h"
#include "cli/model_source.h"
#include "cli/notes.h"
#include "cli/options.h"
#include "engine/backend_factory.h"
#include "engine/what_fits.h"
#include "http_client/http_server_address.h"
#include "loadgen/probe.h"
#include "server/server.h"

namespace ferrum::cli {
namespace {

struct LaunchOptions {
  EngineOptions engine = {.max_sequences = 4, .activations = "bf16"};
  std::string agent;
  std::vector<std::string> arguments;  // the agent's
  std::string url;                     // of a server that runs already; empty: none
  std::string key;
  int port = 0;
  bool quiet = true;
};

constexpr const char* kNoKey = "none";  // for agents, which demand one

// Agents send tens of thousands of tokens with each request: as many as the model and the memory allow, up to
// this many.
constexpr int kWantedContext = 65'536;

int roomy_context(const EngineOptions& options) {
  const std::unique_ptr<Checkpoint> checkpoint = Checkpoint::open(options.model);
  EngineOptions wanted = options;
  wanted.max_context = std::min(checkpoint->model().context, kWantedContext);
  const auto backend = make_backend({options.backend, options.threads, options.activations, options.check});
  const int fitting =
      what_fits(*checkpoint, wanted, {.free = backend->free_bytes(), .kv_layout = backend->kv_layout()})
          .context;
  return fitting > 0 ? fitting : wanted.max_context;  // which is refused with numbers
}

// Addresses of this machine must not go through a proxy.
void bypass_proxies(AgentCall& call) {
  for (const char* const name : {"NO_PROXY", "no_proxy"}) {
    const char* const before = std::getenv(name);
    const std::string own = "127.0.0.1,localhost";
    call.environment[name] = before != nullptr && *before != '\0' ? before + ("," + own) : own;
  }
}

int run_agent(ChildProcess& child, const Agent& agent, const std::string& path, const AgentServer& server,
              const std::vector<std::string>& own) {
  AgentCall call = agent.call(server);
  bypass_proxies(call);
  call.arguments.insert(call.arguments.end(), own.begin(), own.end());
  return child.run({path, std::move(call.arguments), std::move(call.environment), std::move(call.unset)});
}

int use_server(const LaunchOptions& o, ChildProcess& child, const Agent& agent, const std::string& path) {
  const http_client::HttpServerAddress address(
      {.endpoint = http_client::parse_endpoint(o.url, "/v1"), .api_key = o.key});
  const AgentServer server = {.url = http_client::parse_endpoint(o.url).url(""),
                              .model = loadgen::first_model(address),  // fails where nothing serves
                              .key = o.key.empty() ? kNoKey : o.key};
  return run_agent(child, agent, path, server, o.arguments);
}

int serve_for(LaunchOptions& o, ChildProcess& child, const Agent& agent, const std::string& path) {
  const bool replays = !o.engine.replay.answers.empty();
  const std::filesystem::path given = replays ? o.engine.replay.answers : o.engine.model;
  if (!replays) {
    o.engine.model = find_model(o.engine.model, Missing::kIsPulled);
    if (o.engine.max_context == 0) o.engine.max_context = roomy_context(o.engine);
  }
  server::ServerOptions options;
  options.http.port = o.port;
  options.version = kVersion;
  if (!o.key.empty()) options.api_keys = {o.key};
  server::Server server(options);
  std::jthread serving([&] { server.run(); });
  try {
    const std::shared_ptr<Engine> engine = load_text_model(o.engine, label_of(given), ShowPlan::kAlways);
    const std::string name = std::filesystem::exists(given) ? given.stem().string() : given.string();
    server.models().add(name, engine);
    note("{} talks to {} at {}\n", agent.title, name, server.url());
    if (o.quiet) log::configure(log::Verbosity::kQuiet);  // the screen is the agent's
    const int code = run_agent(child, agent, path,
                               {.url = server.url(),
                                .model = name,
                                .key = o.key.empty() ? kNoKey : o.key,
                                .context = engine->info().context},
                               o.arguments);
    server.stop(std::chrono::seconds(0));
    return code;
  } catch (...) {
    server.stop(std::chrono::seconds(0));
    throw;
  }
}

void run_command(LaunchOptions& o) {
  const Agent& agent = agent_named(o.agent);
  const std::optional<std::string> path = find_program(agent.name);
  if (!path)
    fail(ErrorCode::kNotFound,
         "{} is not installed: no program {} is found in PATH. To install it: npm install -g {}", agent.title,
         agent.name, agent.package);
  const bool needs_model = o.url.empty() && o.engine.replay.answers.empty();
  if (needs_model && o.engine.model.empty())
    fail(ErrorCode::kBadArgument, "MODEL is missing: ferrum launch {} MODEL", agent.name);
  if (!needs_model && !o.engine.model.empty())  // it is the first of the agent's arguments
    o.arguments.insert(o.arguments.begin(), std::exchange(o.engine.model, {}).string());
  ChildProcess child;
  throw Exit{o.url.empty() ? serve_for(o, child, agent, *path) : use_server(o, child, agent, *path)};
}

}  // namespace

void add_launch(CLI::App& app) {
  auto o = std::make_shared<LaunchOptions>();
  CLI::App& command = *app.add_subcommand("launch", "Start a coding agent with a server for it");
  command.add_option("AGENT", o->agent, "The agent")->required()->check(one_of(agent_names()));
  command
      .add_option("MODEL", o->engine.model,
                  "A .gguf file, a Hugging Face folder, or a model's name; none with --server and --replay")
      ->check(a_name());
  command.add_option("ARGUMENTS", o->arguments, "The agent's own arguments, behind --");
  constexpr const char* kGroup = "Server";
  command.add_option("--server", o->url, "Use this server instead of starting one")
      ->type_name("URL")
      ->check(a_name())
      ->group(kGroup);
  command.add_option("--port", o->port, "Port of the server that is started; 0: any free port")
      ->check(from_to(0, 65535))
      ->capture_default_str()
      ->group(kGroup);
  command.add_option("--api-key", o->key, "API key that the server demands")
      ->type_name("KEY")
      ->envname("FERRUM_API_KEY")
      ->group(kGroup);
  add_backend_options(command, o->engine);
  add_kv_dtype_option(command, o->engine);
  add_max_context_option(command, o->engine);
  add_speculation_options(command, o->engine);
  add_replay_options(command, o->engine, nullptr);
  command.footer(
      "The server ends with the agent. The agent is configured by environment variables and arguments; its "
      "own files stay as they are.\n\n"
      "Examples:\n"
      "  ferrum launch claude model.gguf\n"
      "  ferrum launch codex org/model:Q4_K_M -- exec \"Explain this folder.\"\n"
      "  ferrum launch opencode --server http://127.0.0.1:8000\n"
      "  ferrum launch qwen --replay answers.jsonl --template chat_template.jinja -- \"Hello!\"");
  command.callback([o] { run_command(*o); });
}

}  // namespace ferrum::cli
