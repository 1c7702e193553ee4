#include "server/metrics.h"

#include <fmt/format.h>

namespace ferrum::server {
namespace {

struct Metric {
  const char* name;
  const char* type;
  const char* help;
  double (*value)(const EngineStats&);
};

constexpr Metric kMetrics[] = {
    {"ferrum_steps_total", "counter", "Steps of the model",
     [](const EngineStats& s) { return double(s.steps); }},
    {"ferrum_prompt_tokens_total", "counter", "Tokens of prompts",
     [](const EngineStats& s) { return double(s.prompt_tokens); }},
    {"ferrum_cached_tokens_total", "counter", "Tokens of prompts that the prefix cache had",
     [](const EngineStats& s) { return double(s.cached_tokens); }},
    {"ferrum_prefix_hits_total", "counter", "Requests for which the prefix cache had some of the prompt",
     [](const EngineStats& s) { return double(s.prefix_hits); }},
    {"ferrum_generated_tokens_total", "counter", "Tokens of answers",
     [](const EngineStats& s) { return double(s.generated_tokens); }},
    {"ferrum_drafted_tokens_total", "counter", "Tokens that speculation tried",
     [](const EngineStats& s) { return double(s.drafted_tokens); }},
    {"ferrum_accepted_tokens_total", "counter", "Drafted tokens that were right",
     [](const EngineStats& s) { return double(s.accepted_tokens); }},
    {"ferrum_seconds_in_step", "gauge", "How long the step at hand has taken",
     [](const EngineStats& s) { return s.seconds_in_step; }},
    {"ferrum_requests_refused_total", "counter", "Requests that were not accepted",
     [](const EngineStats& s) { return double(s.refused); }},
    {"ferrum_requests_finished_total", "counter", "Requests that were answered",
     [](const EngineStats& s) { return double(s.finished); }},
    {"ferrum_requests_cancelled_total", "counter", "Requests whose clients went away",
     [](const EngineStats& s) { return double(s.cancelled); }},
    {"ferrum_requests_failed_total", "counter", "Requests that ended with an error",
     [](const EngineStats& s) { return double(s.failed); }},
    {"ferrum_preemptions_total", "counter", "Sequences that made room for others and were computed again",
     [](const EngineStats& s) { return double(s.preemptions); }},
    {"ferrum_requests_waiting", "gauge", "Requests in the queue",
     [](const EngineStats& s) { return double(s.waiting); }},
    {"ferrum_sequences_running", "gauge", "Sequences that are computed together",
     [](const EngineStats& s) { return double(s.running); }},
    {"ferrum_kv_blocks_used", "gauge", "Blocks of the KV cache in use",
     [](const EngineStats& s) { return double(s.used_blocks); }},
    {"ferrum_kv_blocks_cached", "gauge", "Unused blocks whose contents may be asked for again",
     [](const EngineStats& s) { return double(s.cached_blocks); }},
    {"ferrum_kv_blocks_free", "gauge", "Blocks that hold nothing",
     [](const EngineStats& s) { return double(s.free_blocks); }},
};

struct Distribution {
  const char* name;
  const char* help;
  Histogram EngineStats::*histogram;
};

constexpr Distribution kDistributions[] = {
    {"ferrum_queue_seconds", "From submission until the first step", &EngineStats::queue_seconds},
    {"ferrum_time_to_first_token_seconds", "From submission to the first token",
     &EngineStats::first_token_seconds},
    {"ferrum_inter_token_seconds", "From a token of an answer to the next",
     &EngineStats::inter_token_seconds},
    {"ferrum_request_seconds", "From submission to the end, of requests that were answered",
     &EngineStats::request_seconds},
    {"ferrum_step_sequences", "Sequences computed together in a step", &EngineStats::step_sequences},
    {"ferrum_step_tokens", "Tokens computed together in a step", &EngineStats::step_tokens},
};

std::string escaped(const std::string& label) {
  std::string out;
  for (const char c : label) {
    if (c == '\\' || c == '"') out += '\\';
    if (c == '\n')
      out += "\\n";
    else
      out += c;
  }
  return out;
}

// Prometheus counts in each bucket what is in the ones below as well.
std::string lines_of(const Distribution& d, const std::string& model, const Histogram& h) {
  std::string out;
  int64_t count = 0;
  for (size_t i = 0; i < h.counts().size(); ++i) {
    count += h.counts()[i];
    const std::string bound = i < h.bounds().size() ? fmt::format("{}", h.bounds()[i]) : "+Inf";
    out += fmt::format("{}_bucket{{model=\"{}\",le=\"{}\"}} {}\n", d.name, model, bound, count);
  }
  return out + fmt::format("{0}_sum{{model=\"{1}\"}} {2}\n{0}_count{{model=\"{1}\"}} {3}\n", d.name, model,
                           h.sum(), count);
}

}  // namespace

std::string prometheus_text(const std::vector<std::pair<std::string, EngineStats>>& engines,
                            int connections) {
  std::string out;
  for (const Metric& m : kMetrics) {
    out += fmt::format("# HELP {} {}\n# TYPE {} {}\n", m.name, m.help, m.name, m.type);
    for (const auto& [model, stats] : engines)
      out += fmt::format("{}{{model=\"{}\"}} {}\n", m.name, escaped(model), m.value(stats));
  }
  for (const Distribution& d : kDistributions) {
    out += fmt::format("# HELP {} {}\n# TYPE {} histogram\n", d.name, d.help, d.name);
    for (const auto& [model, stats] : engines) out += lines_of(d, escaped(model), stats.*d.histogram);
  }
  out += fmt::format(
      "# HELP ferrum_connections Connections of clients\n# TYPE ferrum_connections gauge\nferrum_connections "
      "{}\n",
      connections);
  return out;
}

}  // namespace ferrum::server
