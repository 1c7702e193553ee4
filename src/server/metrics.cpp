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
    {"ferrum_generated_tokens_total", "counter", "Tokens of answers",
     [](const EngineStats& s) { return double(s.generated_tokens); }},
    {"ferrum_drafted_tokens_total", "counter", "Tokens that speculation tried",
     [](const EngineStats& s) { return double(s.drafted_tokens); }},
    {"ferrum_accepted_tokens_total", "counter", "Drafted tokens that were right",
     [](const EngineStats& s) { return double(s.accepted_tokens); }},
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

}  // namespace

std::string prometheus_text(const std::vector<std::pair<std::string, EngineStats>>& engines,
                            int connections) {
  std::string out;
  for (const Metric& m : kMetrics) {
    out += fmt::format("# HELP {} {}\n# TYPE {} {}\n", m.name, m.help, m.name, m.type);
    for (const auto& [model, stats] : engines)
      out += fmt::format("{}{{model=\"{}\"}} {}\n", m.name, escaped(model), m.value(stats));
  }
  out += fmt::format(
      "# HELP ferrum_connections Connections of clients\n# TYPE ferrum_connections gauge\nferrum_connections "
      "{}\n",
      connections);
  return out;
}

}  // namespace ferrum::server
