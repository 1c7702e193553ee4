// ferrum serve: a model behind OpenAI's API.
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <csignal>
#include <filesystem>
#include <future>
#include <memory>
#include <set>
#include <sstream>
#include <thread>

#include "base/error.h"
#include "base/log.h"
#include "cli/command.h"
#include "cli/input.h"
#include "cli/load_model.h"
#include "cli/model_source.h"
#include "cli/notes.h"
#include "cli/open_files.h"
#include "cli/options.h"
#include "cli/service_manager.h"
#include "cli/version.h"
#include "server/server.h"

namespace ferrum::cli {
namespace {

struct ServeOptions {
  EngineOptions engine = {.max_sequences = 16, .activations = "bf16"};
  server::ServerOptions server;
  std::string name;                  // of the model in the API
  std::vector<std::string> aliases;  // further names of it
  std::string label;                 // of the same in messages
  std::vector<std::string> others;   // NAME=PATH
  double unload_seconds = 0;
  std::string key_file;
  int drain_seconds = 30;
};

constexpr const char* kExamples =
    "Examples:\n"
    "  ferrum serve model.gguf                            # at http://127.0.0.1:8000/v1\n"
    "  ferrum serve model.gguf --host 0.0.0.0 --api-key-file keys.txt --tls-cert cert.pem --tls-key key.pem\n"
    "  ferrum serve model.gguf --host unix:/run/ferrum.sock\n"
    "  ferrum serve --model small=a.gguf --model large=b.gguf --models-memory 24GiB --unload-after 600";

// In the API: a file's name without .gguf, a folder's name, or the name of a model that is not on the disk.
std::string name_of_model(const std::filesystem::path& model) {
  if (!std::filesystem::exists(model)) return model.string();
  const std::filesystem::path file = std::filesystem::weakly_canonical(model).filename();
  return file.extension() == ".gguf" ? file.stem().string() : file.string();
}

// One key on each line; empty lines and comments (#) are skipped.
void read_keys(const std::string& file, std::vector<std::string>& keys) {
  std::istringstream in(read_all(file));
  const size_t before = keys.size();
  for (std::string line; std::getline(in, line);) {
    line.erase(line.find_last_not_of(" \t\r") + 1);
    if (!line.empty() && line.front() != '#') keys.push_back(line);
  }
  if (keys.size() == before) fail(ErrorCode::kBadArgument, "{}: has no key", file);
}

// Loads a model when it is first requested.
server::ModelPool::Load on_demand(EngineOptions options, const std::filesystem::path& model,
                                  const std::string& name) {
  options.model = model;
  return [options, name](const server::ModelPool::Permission& permission) -> std::shared_ptr<Engine> {
    LoadObserver observer;
    observer.planned = [&](const ModelInfo& info, const MemoryPlan& plan) {
      permission.take(plan.total());
      note("{}\n", plan_text(name, info, plan));
    };
    observer.progress = [&](uint64_t, uint64_t) { permission.go_on(); };
    return Engine::load(options, observer);
  };
}

void add_others(const ServeOptions& o, server::ModelPool& models) {
  std::set<std::string> names = {o.name};
  names.insert(o.aliases.begin(), o.aliases.end());
  for (const std::string& other : o.others) {
    const size_t equals = other.find('=');
    if (equals == std::string::npos || equals == 0 || equals + 1 == other.size())
      fail(ErrorCode::kBadArgument, "--model {}: it must be NAME=PATH", in_quotes(other));
    const std::string name = other.substr(0, equals);
    std::filesystem::path path;
    if (!names.insert(name).second)
      fail(ErrorCode::kBadArgument, "--model {}: another model has that name", in_quotes(name));
    try {
      path = find_model(other.substr(equals + 1));
    } catch (const Error& e) {
      fail(e.code(), "--model {}: {}", name, e.what());
    }
    models.add(name, on_demand(o.engine, path, name));
    note("{}: {}, loaded on demand\n", name, path.string());
  }
}

void tell_address(const std::string& model, const server::Server& server, const ServeOptions& o) {
  const std::string url = server.url();
  const bool local = o.server.http.host.starts_with("unix:");
  note("listening at {}; {}try\n\n", url, local ? "" : "open it in a browser, or ");
  note(
      "  curl {}{}/v1/chat/completions{} -H 'Content-Type: application/json' \\\n"
      "    -d '{{\"model\": \"{}\", \"messages\": [{{\"role\": \"user\", \"content\": \"Hello!\"}}]}}'\n\n",
      local ? "--unix-socket " + o.server.http.host.substr(5) + " " : "", local ? "http://localhost" : url,
      o.server.api_keys.empty() ? "" : " -H \"Authorization: Bearer $KEY\"", model);
}

// A connection is an open file.
void allow_connections(int count) {
  constexpr rlim_t kOthers = 256;  // models, logs, libraries
  const rlim_t wanted = static_cast<rlim_t>(count) + kOthers;
  if (const rlim_t allowed = allow_open_files(wanted); allowed < wanted)
    log::warn("{} files may be open, and there may be {} connections: see ulimit -n", allowed, count);
}

// Before signals are blocked, since a pull may be interrupted.
void find_models(ServeOptions& o) {
  if (o.engine.model.empty() && o.others.empty()) o.engine.model = demonstration_model();
  if (o.engine.model.empty() && !o.aliases.empty())
    fail(ErrorCode::kBadArgument, "--alias {}: it names MODEL, and there is none",
         in_quotes(o.aliases.front()));
  o.label = label_of(o.engine.model);
  if (o.name.empty()) o.name = name_of_model(o.engine.model);
  if (!o.engine.model.empty()) o.engine.model = find_model(o.engine.model, Missing::kIsPulled);
  if (!o.engine.draft.empty()) o.engine.draft = find_model(o.engine.draft, Missing::kIsPulled);
}

void run_command(ServeOptions& o) {
  find_models(o);
  // SIGTERM and SIGINT drain; a second one ends at once. Blocked here, so that every thread inherits it.
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);

  o.server.version = kVersion;
  if (!o.key_file.empty()) read_keys(o.key_file, o.server.api_keys);
  o.server.models.idle = std::chrono::milliseconds(static_cast<int64_t>(1000 * o.unload_seconds));
  allow_connections(o.server.http.max_connections);
  server::Server server(o.server);
  std::promise<void> stopped;
  std::jthread serving([&] { server.run(); });
  std::thread([&server, &stopped, signals, patience = std::chrono::seconds(o.drain_seconds)]() mutable {
    int signal = 0;
    sigwait(&signals, &signal);
    note("stopping: answers that are under way are finished\n");
    tell_service_manager("STOPPING=1");
    server.stop(patience);
    stopped.set_value();
    sigwait(&signals, &signal);
    _exit(128 + signal);
  }).detach();
  try {
    if (!o.engine.model.empty())
      server.models().add(o.name, std::shared_ptr<Engine>(load_model(o.engine, o.label, Says::kAlways)));
    for (const std::string& alias : o.aliases) server.models().add_alias(alias, o.name);
    add_others(o, server.models());
    tell_address(server.models().first(), server, o);
    tell_service_manager("READY=1");
    serving.join();
    stopped.get_future().wait();
  } catch (...) {
    server.stop(std::chrono::seconds(0));
    throw;
  }
}

}  // namespace

void add_serve(CLI::App& app) {
  auto o = std::make_shared<ServeOptions>();
  CLI::App& command = *app.add_subcommand("serve", "Serve a model through OpenAI's API");
  command
      .add_option("MODEL", o->engine.model,
                  "A .gguf file, a Hugging Face folder, or a model's name, as in org/model:Q4_K_M; none: the "
                  "demonstration model")
      ->check(a_name());
  constexpr const char* kGroup = "Server";
  server::HttpOptions& http = o->server.http;
  command.add_option("--host", http.host, "Address to listen at, or unix:PATH")
      ->type_name("ADDRESS")
      ->capture_default_str()
      ->envname("FERRUM_HOST")
      ->group(kGroup);
  command.add_option("--port", http.port, "Port; 0: any that is free")
      ->check(from_to(0, 65535))
      ->capture_default_str()
      ->envname("FERRUM_PORT")
      ->group(kGroup);
  command
      .add_option("--model", o->others, "Another model, loaded when it is first asked for; may be repeated")
      ->type_name("NAME=PATH")
      ->allow_extra_args(false)
      ->check(a_name())
      ->group(kGroup);
  command
      .add_option(
          "--models-memory", o->server.models.max_bytes,
          "Bytes for all models together, such as 24GiB: others are unloaded for a new one; 0: what the "
          "machine has")
      ->transform(CLI::AsSizeValue(false).description(""))
      ->type_name("SIZE")
      ->capture_default_str()
      ->group(kGroup);
  command
      .add_option("--unload-after", o->unload_seconds,
                  "Seconds after which a --model that nobody uses is unloaded; 0: never")
      ->check(CLI::Range(0.0, 1e6))
      ->type_name("SECONDS")
      ->capture_default_str()
      ->group(kGroup);
  command
      .add_flag("--show-running", o->server.show_running,
                "GET /running lists the requests that are being answered")
      ->group(kGroup);
  command
      .add_flag_callback(
          "--strict", [o] { o->server.hints = server::Hints::kRefused; },
          "Refuse fields of requests that have no effect here, instead of naming them in the "
          "response header X-Ferrum-Ignored")
      ->group(kGroup);
  command.add_option("--name", o->name, "Name of MODEL in the API; by default its file's")
      ->type_name("NAME")
      ->group(kGroup);
  command.add_option("--alias", o->aliases, "Further name of MODEL in the API; may be repeated")
      ->type_name("NAME")
      ->allow_extra_args(false)
      ->group(kGroup);
  command
      .add_option(
          "--api-key", o->server.api_keys,
          "Key that clients must know; may be repeated (visible in the list of processes: rather a file)")
      ->type_name("KEY")
      ->allow_extra_args(false)
      ->envname("FERRUM_API_KEY")
      ->group(kGroup);
  command.add_option("--api-key-file", o->key_file, "File with a key on each line")
      ->check(a_name())
      ->group(kGroup);
  command.add_option("--tls-cert", http.tls_certificate, "Certificate chain, PEM")
      ->check(a_name())
      ->group(kGroup);
  command.add_option("--tls-key", http.tls_key, "Its private key, PEM")->check(a_name())->group(kGroup);
  command
      .add_option("--allowed-origin", o->server.allowed_origins,
                  "Origin of web pages that may call, or *; may be repeated")
      ->type_name("ORIGIN")
      ->allow_extra_args(false)
      ->group(kGroup);
  command
      .add_option("--allowed-host", o->server.allowed_hosts,
                  "Host name by which a reverse proxy makes the server reachable, or *; may be repeated")
      ->type_name("NAME")
      ->allow_extra_args(false)
      ->group(kGroup);
  command.add_option("--server-threads", http.threads, "Threads for connections")
      ->check(from_to(1, 64))
      ->capture_default_str()
      ->group(kGroup);
  command.add_option("--max-body-bytes", http.max_body_bytes, "Bytes of a request's body at most")
      ->check(from_to<size_t>(1))
      ->capture_default_str()
      ->group(kGroup);
  command
      .add_option("--request-timeout", o->server.request_timeout,
                  "Seconds that an answer may take, waiting included; 0: any")
      ->check(CLI::Range(0.0, 1e6))
      ->type_name("SECONDS")
      ->capture_default_str()
      ->group(kGroup);
  command.add_option("--drain-timeout", o->drain_seconds, "Seconds that answers may go on after SIGTERM")
      ->check(from_to(0, 86400))
      ->type_name("SECONDS")
      ->capture_default_str()
      ->group(kGroup);
  command.add_option("--max-seqs", o->engine.max_sequences, "Sequences computed together")
      ->check(from_to(1, 4096))
      ->capture_default_str()
      ->envname("FERRUM_PAGED_MAX_SEQS")
      ->group("Engine");
  command
      .add_option(
          "--kv-tokens", o->engine.kv_tokens,
          "Tokens that the KV cache holds, of all sequences; 0: four of the longest, or as many as fit")
      ->check(from_to(0))
      ->capture_default_str()
      ->envname("FERRUM_KV_TOKENS")
      ->group("Engine");
  command.add_option("--max-queue", o->engine.queue, "Requests that may wait; more are refused with 429")
      ->check(from_to(0))
      ->capture_default_str()
      ->group("Engine");
  add_backend_options(command, o->engine);
  add_batch_tokens_option(command, o->engine);
  add_kv_dtype_option(command, o->engine);
  add_max_context_option(command, o->engine);
  add_prefix_cache_option(command, o->engine);
  add_trace_option(command, o->engine);
  add_speculation_options(command, o->engine);
  command.footer(kExamples);
  command.callback([o] { run_command(*o); });
}

}  // namespace ferrum::cli
