// ferrum bench-serve: a load test of a server.
#include <fmt/core.h>

#include <CLI/CLI.hpp>
#include <memory>
#include <optional>
#include <span>

#include "base/error.h"
#include "base/output_file.h"
#include "cli/command.h"
#include "cli/interrupts.h"
#include "cli/load_report.h"
#include "cli/open_files.h"
#include "cli/options.h"
#include "cli/progress.h"
#include "http_client/http_server_address.h"
#include "loadgen/probe.h"

namespace ferrum::cli {
namespace {

using loadgen::Api;
using loadgen::Load;
using loadgen::Spacing;

constexpr int kMaxClients = 10'000;
constexpr int kMaxWords = 1'000'000;
constexpr int64_t kRequestsOfAClient = 4;
constexpr int64_t kLeastRequests = 16;
constexpr int64_t kRequestsOfARate = 64;
constexpr double kMaxSeconds = 1e6;

struct BenchServeOptions {
  std::string url;
  std::string model;
  std::string api = "chat";
  std::vector<int> clients;
  std::vector<double> rates;
  std::string arrivals = "poisson";
  int64_t requests = 0;
  double seconds = 0;
  int64_t warm_up = -1;  // -1: one per client
  std::string prompt = "128";
  std::string generate = "64";
  std::string prompt_file;
  int shared_prefix = 0;
  uint64_t seed = 0;
  std::string temperature = "0";
  bool stop_at_end = false;
  std::string api_key;
  std::string ca_file;
  bool insecure = false;
  double timeout = 600;
  std::string targets;
  std::string plot;
  bool json = false;
  bool samples = false;
};

constexpr const char* kBenchServeExplanation =
    "With --clients, each client sends a request when its previous response has ended; with --rate,\n"
    "requests do not wait for responses, and times count from when a request was due. Each row begins\n"
    "with warm-up requests. Prompts are random words (about a token each), all different, and the same\n"
    "for the same seed: use another --seed to avoid cache hits from an earlier run. Tokens are those of\n"
    "the server's usage; if it reports none, each chunk of the stream counts as one.\n\n"
    "Exit code: 0 if any request succeeded.\n\n"
    "Examples:\n"
    "  ferrum bench-serve http://127.0.0.1:8000 --clients 1,8,32\n"
    "  ferrum bench-serve http://127.0.0.1:8080/v1 --rate 0.5,1,2 --duration 60 --slo ttft:500,itl:100\n"
    "  ferrum bench-serve https://api.example.com/v1 --api-key $KEY --model small -p 64-512 -n 32-128\n"
    "  ferrum bench-serve localhost:8000 --clients 16 --shared-prefix 1000 --json --samples > load.json\n"
    "  ferrum bench-serve unix:/run/ferrum.sock --prompt-file questions.jsonl --plot load.svg";

http_client::ServerOptions server_options(const BenchServeOptions& o) {
  using Certificates = http_client::ServerOptions::Certificates;
  return {.endpoint = http_client::parse_endpoint(o.url, loadgen::kDefaultBase),
          .api_key = o.api_key,
          .ca_file = o.ca_file,
          .certificates = o.insecure ? Certificates::kTrusted : Certificates::kChecked,
          .timeout = std::chrono::milliseconds(static_cast<int64_t>(o.timeout * 1000))};
}

LoadSetting setting_of(const BenchServeOptions& o) {
  LoadSetting s;
  s.url = http_client::parse_endpoint(o.url, loadgen::kDefaultBase).url("");
  s.request.api = o.api == "chat" ? Api::kChat : Api::kCompletions;
  s.request.model = o.model;
  s.request.ignore_eos = !o.stop_at_end;
  s.request.temperature.reset();
  if (o.temperature != "server") set_number(s.request.temperature.emplace(), o.temperature);
  s.prompt_file = o.prompt_file;
  s.workload.prompt = loadgen::parse_length(o.prompt, "--prompt");
  s.workload.answer = loadgen::parse_length(o.generate, "--generate");
  s.workload.shared_prefix = o.shared_prefix;
  s.workload.seed = o.seed;
  s.targets = loadgen::parse_targets(o.targets);
  return s;
}

std::vector<Load> loads_of(const BenchServeOptions& o) {
  const auto requests = [&](int64_t otherwise) {
    return o.requests > 0 ? o.requests : o.seconds > 0 ? 0 : otherwise;
  };
  std::vector<Load> loads;
  for (const double rate : o.rates)
    loads.push_back({.rate = rate,
                     .spacing = o.arrivals == "poisson" ? Spacing::kPoisson : Spacing::kUniform,
                     .seed = o.seed,
                     .requests = requests(kRequestsOfARate),
                     .seconds = o.seconds});
  const std::vector<int> clients = o.clients.empty() && o.rates.empty() ? std::vector{1} : o.clients;
  for (const int count : clients)
    loads.push_back({.clients = count,
                     .requests = requests(std::max(kLeastRequests, kRequestsOfAClient * count)),
                     .seconds = o.seconds});
  return loads;
}

void check_bench_serve(const BenchServeOptions& o) {
  for (const int clients : o.clients)
    if (clients < 1 || clients > kMaxClients)
      fail(ErrorCode::kBadArgument, "--clients {}: must be from 1 to {}", clients, kMaxClients);
  for (const double rate : o.rates)
    if (!(rate > 0 && rate <= 1e6))
      fail(ErrorCode::kBadArgument, "--rate {}: must be more than 0 and no more than 1000000", rate);
}

LoadRow measure(const http_client::HttpServerAddress& server, const LoadSetting& setting,
                const loadgen::Workload& workload, const Load& load, int64_t warm_up, uint64_t& number,
                StatusLine& status) {
  const auto body = [&](uint64_t i) { return request_body(setting.request, workload.prompt(i)); };
  loadgen::LoadGenerator generator(server, std::string(path_of(setting.request.api)), body, number);
  const int64_t first = warm_up >= 0 ? warm_up : load.rate > 0 ? 1 : load.clients;
  if (first > 0) {
    status.show(fmt::format("{}: warming up", label(load)));
    generator.run({.clients = static_cast<int>(std::min<int64_t>(first, load.clients)), .requests = first});
  }
  LoadRow row = {.load = load};
  row.samples = generator.run(load, [&](int64_t answers) {
    status.show(load.requests > 0 ? fmt::format("{}: {} of {} requests", label(load), answers, load.requests)
                                  : fmt::format("{}: {} requests", label(load), answers));
  });
  number = generator.next_number();
  row.figures = figures_of(row.samples, setting.targets);
  return row;
}

void bench_serve_command(const BenchServeOptions& o) {
  check_bench_serve(o);
  allow_open_files(RLIM_INFINITY);
  LoadSetting setting = setting_of(o);
  loadgen::WorkloadOptions work = setting.workload;
  if (!o.prompt_file.empty()) work.prompts = loadgen::read_prompts(o.prompt_file);
  const loadgen::Workload workload(std::move(work));
  const Interrupts interrupts;
  std::optional<OutputFile> picture;  // opened before the measurement, so that a failure does not waste it
  if (!o.plot.empty()) picture.emplace(o.plot, 0);

  const http_client::HttpServerAddress server(server_options(o));
  if (setting.request.model.empty()) setting.request.model = loadgen::first_model(server);
  setting.dropped_fields = agree_on_fields(server, setting.request);
  std::vector<LoadRow> rows;
  {
    StatusLine status;
    uint64_t number = 0;
    for (const Load& load : loads_of(o))
      rows.push_back(measure(server, setting, workload, load, o.warm_up, number, status));
  }
  if (o.json)
    fmt::print("{}", load_json(setting, rows, o.samples ? Samples::kIncluded : Samples::kOmitted));
  else
    fmt::print("{}", load_table(setting, rows));
  if (picture) {
    const std::string svg = load_svg(setting, rows);
    picture->write(std::as_bytes(std::span(svg)));
    picture->commit();
  }
  if (std::ranges::all_of(rows, [](const LoadRow& row) { return row.figures.succeeded == 0; })) throw Exit{1};
}

void add_workload_options(CLI::App& command, BenchServeOptions& o) {
  constexpr const char* kGroup = "Workload";
  command.add_option("-p,--prompt", o.prompt, "Words per prompt, or a range like 64-512")
      ->capture_default_str()
      ->group(kGroup);
  CLI::Option* const prefix =
      command.add_option("--shared-prefix", o.shared_prefix, "Words of a prefix common to all prompts")
          ->check(from_to(0, kMaxWords))
          ->capture_default_str()
          ->group(kGroup);
  command
      .add_option("--prompt-file", o.prompt_file,
                  "Prompts, one on a line; of a .jsonl file JSON strings, or objects with prompt or messages")
      ->check(a_name())
      ->excludes("--prompt")
      ->excludes(prefix)
      ->group(kGroup);
  command.add_option("-n,--generate", o.generate, "Tokens per answer, or a range like 32-128")
      ->capture_default_str()
      ->group(kGroup);
  command.add_flag("--stop-at-end", o.stop_at_end, "Do not send ignore_eos: answers may end early")
      ->group(kGroup);
  command.add_option("--temperature", o.temperature, "A number, or server: the server's default")
      ->capture_default_str()
      ->group(kGroup);
  command.add_option("--seed", o.seed, "Seed of prompts, lengths and arrivals")
      ->capture_default_str()
      ->group(kGroup);
}

void add_load_options(CLI::App& command, BenchServeOptions& o) {
  constexpr const char* kGroup = "Load";
  CLI::Option* const clients =
      command.add_option("--clients", o.clients, "Concurrent clients, e.g. 1,8,32: a row for each")
          ->delimiter(',')
          ->allow_extra_args(false)
          ->default_str("1")
          ->group(kGroup);
  command.add_option("--rate", o.rates, "Requests per second, e.g. 0.5,1,2: a row for each")
      ->delimiter(',')
      ->allow_extra_args(false)
      ->excludes(clients)
      ->group(kGroup);
  command.add_option("--arrivals", o.arrivals, "With --rate: poisson or uniform")
      ->check(one_of({"poisson", "uniform"}))
      ->capture_default_str()
      ->group(kGroup);
  command.add_option("--requests", o.requests, "Requests per row")
      ->check(from_to<int64_t>(1))
      ->default_str("4 per client, at least 16; with --rate 64")
      ->group(kGroup);
  command.add_option("--duration", o.seconds, "Seconds per row; requests under way are awaited")
      ->check(CLI::Range(0.001, kMaxSeconds))
      ->group(kGroup);
  command.add_option("--warm-up", o.warm_up, "Warm-up requests before each row")
      ->check(from_to<int64_t>(0))
      ->default_str("one per client")
      ->group(kGroup);
  command.add_option("--slo", o.targets, "Latency targets in ms: ttft, itl (the longest pause), tpot, e2e")
      ->group(kGroup);
}

void add_server_options(CLI::App& command, BenchServeOptions& o) {
  constexpr const char* kGroup = "Server";
  command.add_option("--model", o.model, "The model's name; default: the first that the server lists")
      ->group(kGroup);
  command.add_option("--api", o.api, "chat or completions")
      ->check(one_of({"chat", "completions"}))
      ->capture_default_str()
      ->group(kGroup);
  command.add_option("--api-key", o.api_key, "Sent as a bearer token")
      ->envname("FERRUM_API_KEY")
      ->group(kGroup);
  command.add_option("--tls-ca", o.ca_file, "Certificates to trust, PEM; else the system's")
      ->check(a_name())
      ->group(kGroup);
  command.add_flag("--insecure", o.insecure, "Accept any certificate")->group(kGroup);
  command.add_option("--timeout", o.timeout, "Timeout per request in seconds")
      ->check(CLI::Range(0.001, kMaxSeconds))
      ->capture_default_str()
      ->group(kGroup);
}

}  // namespace

void add_bench_serve(CLI::App& app) {
  auto o = std::make_shared<BenchServeOptions>();
  CLI::App& command = *app.add_subcommand("bench-serve", "Benchmark a server that has OpenAI's API");
  command
      .add_option("URL", o->url, "http://HOST:PORT, with /v1 or another base or without; https; unix:PATH")
      ->required();
  add_load_options(command, *o);
  add_workload_options(command, *o);
  add_server_options(command, *o);
  command.add_option("--plot", o->plot, "Write a chart to this .svg file")->check(a_name());
  command.add_flag("--json", o->json, "Print JSON");
  command.add_flag("--samples", o->samples, "Include each request in the JSON")->needs("--json");
  command.footer(kBenchServeExplanation);
  command.callback([o] { bench_serve_command(*o); });
}

}  // namespace ferrum::cli
