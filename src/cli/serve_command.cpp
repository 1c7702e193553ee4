// ferrum serve: serves models through the OpenAI and Anthropic APIs.
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
#include "cli/manual/version.h"
#include "cli/model_source.h"
#include "cli/notes.h"
#include "cli/open_files.h"
#include "cli/options.h"
#include "cli/service_manager.h"
#include "server/server.h"

namespace ferrum::cli {
namespace {

struct ServeOptions {
  EngineOptions engine = {.max_sequences = 16, .max_adapters = 8, .activations = "bf16"};
  server::ServerOptions server;
  std::string name;                  // of the model in the API
  std::vector<std::string> aliases;  // of the model in the API
  std::string label;                 // of the model in messages
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
    "  ferrum serve --model small=a.gguf --model large=b.gguf --models-memory 24GiB --unload-after 600\n"
    "  ferrum serve model.gguf --lora sql=adapter-folder    # \"model\": \"model:sql\"\n"
    "  ferrum serve chat.gguf --model embed=bge-m3 --model rerank=bge-reranker-v2-m3    # for vector search\n"
    "  ferrum serve --replay answers.jsonl --template chat_template.jinja   # answers with recorded text";

// The name in the API: a file's name without .gguf, a folder's name, or the given name of a cached model.
std::string name_of_model(const std::filesystem::path& model) {
  if (!std::filesystem::exists(model)) return model.string();
  const std::filesystem::path file = std::filesystem::weakly_canonical(model).filename();
  return file.extension() == ".gguf" ? file.stem().string() : file.string();
}

// One key per line; empty lines and comments (#) are skipped.
void read_keys(const std::string& file, std::vector<std::string>& keys) {
  std::istringstream in(read_all(file));
  const size_t before = keys.size();
  for (std::string line; std::getline(in, line);) {
    line.erase(line.find_last_not_of(" \t\r") + 1);
    if (!line.empty() && line.front() != '#') keys.push_back(line);
  }
  if (keys.size() == before) fail(ErrorCode::kBadArgument, "{}: contains no key", file);
}

// Loads a model when it is first requested.
server::ModelPool::Load on_demand(EngineOptions options, const std::filesystem::path& model,
                                  const std::string& name) {
  options.model = model;
  options.replay = {};
  options.adapters.clear();  // they are MODEL's
  options.pooling.clear();   // it is said of MODEL
  return [options, name](const server::ModelPool::Permission& permission) -> std::shared_ptr<Engine> {
    LoadObserver observer;
    observer.planned = [&](const ModelInfo& info, const MemoryPlan& plan) {
      permission.reserve(plan.total());
      note("{}\n", plan_text(name, info, plan));
    };
    observer.progress = [&](uint64_t, uint64_t) { permission.check(); };
    return Engine::load(options, observer);
  };
}

void add_others(const ServeOptions& o, server::ModelPool& models) {
  std::set<std::string> names = {o.name};
  names.insert(o.aliases.begin(), o.aliases.end());
  for (const std::string& other : o.others) {
    const size_t equals = other.find('=');
    if (equals == std::string::npos || equals == 0 || equals + 1 == other.size())
      fail(ErrorCode::kBadArgument, "--model {}: must be NAME=PATH", in_quotes(other));
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

bool has_tokenizer(const Engine& engine) {
  try {
    engine.tokens_of(TextPrompt{"a"});
    return true;
  } catch (const Error&) {
    return false;
  }
}

// The address, and a request that the model can answer.
void print_address(server::Server& server, const ServeOptions& o) {
  const std::string url = server.url();
  const bool local = o.server.http.host.starts_with("unix:");
  const std::string model = server.models().first();
  const std::shared_ptr<Engine> engine = server.models().entry(model).engine;  // null: loaded on demand
  std::string path = "chat/completions";
  std::string prompt = R"("messages": [{"role": "user", "content": "Hello!"}])";
  std::string hint = local ? "" : "open it in a browser, or ";
  if (engine && engine->info().texts) {
    const TextUse& use = *engine->info().texts;
    path = use.kind == TextUse::Kind::kEmbeddings ? "embeddings" : use.ranks() ? "rerank" : "classify";
    prompt = use.ranks() ? R"("query": "a question", "documents": ["an answer", "another one"])"
                         : R"("input": "a text")";
    hint = fmt::format("{} makes {} of texts: ", model,
                       use.kind == TextUse::Kind::kEmbeddings ? "embeddings" : "scores");
  } else if (engine && !engine->info().has_chat_template) {
    path = "completions";
    const bool has_text = has_tokenizer(*engine);
    prompt = has_text ? R"("prompt": "Once upon a time", "max_tokens": 50)"
                      : R"("prompt": [1, 2, 3], "max_tokens": 50)";
    hint = fmt::format("{} has no {} and only continues {}: ", model,
                       has_text ? "chat template" : "tokenizer", has_text ? "texts" : "lists of token ids");
  }
  note("listening at {}; {}try\n\n", url, hint);
  note("  curl {}{}/v1/{}{} -H 'Content-Type: application/json' \\\n    -d '{{\"model\": \"{}\", {}}}'\n\n",
       local ? "--unix-socket " + o.server.http.host.substr(5) + " " : "", local ? "http://localhost" : url,
       path, o.server.api_keys.empty() ? "" : " -H \"Authorization: Bearer $KEY\"", model, prompt);
}

// Every connection is an open file.
void allow_connections(int count) {
  constexpr rlim_t kOthers = 256;  // for models, logs, libraries
  const rlim_t wanted = static_cast<rlim_t>(count) + kOthers;
  if (const rlim_t allowed = allow_open_files(wanted); allowed < wanted)
    log::warn("the limit of {} open files is too low for {} connections: see ulimit -n", allowed, count);
}

// Called before signals are blocked, since a pull may be interrupted.
void find_models(ServeOptions& o) {
  if (const std::filesystem::path& answers = o.engine.replay.answers; !answers.empty()) {
    o.label = label_of(answers);
    if (o.name.empty()) o.name = answers.stem().string();
    return;
  }
  if (o.engine.model.empty() && o.others.empty()) o.engine.model = demonstration_model();
  if (o.engine.model.empty() && !o.aliases.empty())
    fail(ErrorCode::kBadArgument, "--alias {}: is for MODEL, which is missing", in_quotes(o.aliases.front()));
  o.label = label_of(o.engine.model);
  if (o.name.empty()) o.name = name_of_model(o.engine.model);
  if (!o.engine.model.empty()) o.engine.model = find_model(o.engine.model, Missing::kIsPulled);
  if (!o.engine.draft.empty()) o.engine.draft = find_model(o.engine.draft, Missing::kIsPulled);
}

void run_command(ServeOptions& o) {
  find_models(o);
  // SIGTERM and SIGINT drain; a second one ends the process at once. Blocked here, so that all threads
  // inherit it.
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
    note("stopping: finishing answers in progress\n");
    notify_service_manager("STOPPING=1");
    server.stop(patience);
    stopped.set_value();
    sigwait(&signals, &signal);
    _exit(128 + signal);
  }).detach();
  try {
    if (!o.engine.model.empty() || !o.engine.replay.answers.empty())
      server.models().add(o.name, std::shared_ptr<Engine>(load_model(o.engine, o.label, ShowPlan::kAlways)));
    for (const std::string& alias : o.aliases) server.models().add_alias(alias, o.name);
    add_others(o, server.models());
    print_address(server, o);
    notify_service_manager("READY=1");
    serving.join();
    stopped.get_future().wait();
  } catch (...) {
    server.stop(std::chrono::seconds(0));
    throw;
  }
  for (const server::ModelPool::Entry& model : server.models().all())
    if (const EngineStats stats = model.engine ? model.engine->stats() : EngineStats();
        !stats.device.failure.empty())
      fail(ErrorCode::kUnavailable, "{}",
           stats.device.failure);  // a supervisor sees that this was no usual end
}

}  // namespace

void add_serve(CLI::App& app) {
  auto o = std::make_shared<ServeOptions>();
  CLI::App& command = *app.add_subcommand("serve", "Serve models through the OpenAI and Anthropic APIs");
  CLI::Option* const model =
      command.add_option("MODEL", o->engine.model, kOptionalModelHelp)->check(a_name());
  constexpr const char* kGroup = "Server";
  server::HttpOptions& http = o->server.http;
  command.add_option("--host", http.host, "Address to listen on, or unix:PATH")
      ->type_name("ADDRESS")
      ->capture_default_str()
      ->envname("FERRUM_HOST")
      ->group(kGroup);
  command.add_option("--port", http.port, "Port; 0: any free port")
      ->check(from_to(0, 65535))
      ->capture_default_str()
      ->envname("FERRUM_PORT")
      ->group(kGroup);
  command.add_option("--model", o->others, "Another model, loaded on its first request; may be repeated")
      ->type_name("NAME=PATH")
      ->allow_extra_args(false)
      ->check(a_name())
      ->group(kGroup);
  command
      .add_option(
          "--models-memory", o->server.models.max_bytes,
          "Memory for all models, such as 24GiB: idle models are unloaded to make room; 0: the machine's")
      ->transform(CLI::AsSizeValue(false).description(""))
      ->type_name("SIZE")
      ->capture_default_str()
      ->group(kGroup);
  command
      .add_option("--unload-after", o->unload_seconds,
                  "Seconds after which an unused --model is unloaded; 0: never")
      ->check(CLI::Range(0.0, 1e6))
      ->type_name("SECONDS")
      ->capture_default_str()
      ->group(kGroup);
  command
      .add_flag("--show-running", o->server.show_running,
                "Serve GET /running, a list of the requests in progress")
      ->group(kGroup);
  command
      .add_flag_callback(
          "--strict", [o] { o->server.hints = server::Hints::kRefused; },
          "Refuse fields of requests that have no effect here, instead of naming them in the "
          "response header X-Ferrum-Ignored")
      ->group(kGroup);
  command.add_option("--name", o->name, "Name of MODEL in the API; default: from its file name")
      ->type_name("NAME")
      ->group(kGroup);
  command.add_option("--alias", o->aliases, "Another name of MODEL in the API; may be repeated")
      ->type_name("NAME")
      ->allow_extra_args(false)
      ->group(kGroup);
  command
      .add_option("--api-key", o->server.api_keys,
                  "API key; may be repeated (visible in the process list: prefer --api-key-file)")
      ->type_name("KEY")
      ->allow_extra_args(false)
      ->envname("FERRUM_API_KEY")
      ->group(kGroup);
  command.add_option("--api-key-file", o->key_file, "File with one API key per line")
      ->check(a_name())
      ->group(kGroup);
  command.add_option("--tls-cert", http.tls_certificate, "Certificate chain, PEM")
      ->check(a_name())
      ->group(kGroup);
  command.add_option("--tls-key", http.tls_key, "Its private key, PEM")->check(a_name())->group(kGroup);
  command
      .add_option("--allowed-origin", o->server.allowed_origins,
                  "Allowed origin of web pages, or *; may be repeated")
      ->type_name("ORIGIN")
      ->allow_extra_args(false)
      ->group(kGroup);
  command
      .add_option("--allowed-host", o->server.allowed_hosts,
                  "Host name of a reverse proxy, or *; may be repeated")
      ->type_name("NAME")
      ->allow_extra_args(false)
      ->group(kGroup);
  command.add_option("--server-threads", http.threads, "Threads for connections")
      ->check(from_to(1, 64))
      ->capture_default_str()
      ->group(kGroup);
  command.add_option("--max-body-bytes", http.max_body_bytes, "Maximum bytes of a request body")
      ->check(from_to<size_t>(1))
      ->capture_default_str()
      ->group(kGroup);
  command
      .add_option("--request-timeout", o->server.request_timeout,
                  "Maximum seconds per request, including queueing; 0: no limit")
      ->check(CLI::Range(0.0, 1e6))
      ->type_name("SECONDS")
      ->capture_default_str()
      ->group(kGroup);
  command.add_option("--drain-timeout", o->drain_seconds, "Seconds to finish answers after SIGTERM")
      ->check(from_to(0, 86400))
      ->type_name("SECONDS")
      ->capture_default_str()
      ->group(kGroup);
  command.add_option("--max-seqs", o->engine.max_sequences, "Maximum sequences per step")
      ->check(from_to(1, 4096))
      ->capture_default_str()
      ->envname("FERRUM_PAGED_MAX_SEQS")
      ->group("Engine");
  command
      .add_option("--kv-tokens", o->engine.kv_tokens,
                  "Tokens in the KV cache, over all sequences; 0: four times the context, or as many as fit")
      ->check(from_to(0))
      ->capture_default_str()
      ->envname("FERRUM_KV_TOKENS")
      ->group("Engine");
  command
      .add_option("--state-cache", o->engine.state_cache,
                  "Bytes of states kept for prompts that begin alike, of models with recurrent layers")
      ->transform(CLI::AsSizeValue(false).description(""))
      ->type_name("SIZE")
      ->default_str("1GiB")
      ->group("Engine");
  command
      .add_option("--max-queue", o->engine.queue, "Maximum requests in the queue; more are refused with 429")
      ->check(from_to(0))
      ->capture_default_str()
      ->group("Engine");
  add_adapter_options(command, o->engine);
  add_pooling_option(command, o->engine.pooling);
  add_backend_options(command, o->engine);
  add_device_memory_option(command, o->engine);
  add_batch_tokens_option(command, o->engine);
  add_kv_dtype_option(command, o->engine);
  add_max_context_option(command, o->engine);
  add_prefix_cache_option(command, o->engine);
  add_trace_option(command, o->engine);
  add_speculation_options(command, o->engine);
  add_replay_options(command, o->engine, model);
  command.footer(kExamples);
  command.callback([o] { run_command(*o); });
}

}  // namespace ferrum::cli
