#include "server/metrics.h"

#include <fmt/core.h>

#include <algorithm>
#include <string_view>

namespace ferrum::server {

std::string method_label(const std::string& method) {
  static constexpr std::string_view kKnown[] = {"GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH"};
  return std::ranges::find(kKnown, method) != std::end(kKnown) ? method : "other";
}

namespace {

struct Metric {
  const char* name;
  const char* type;
  const char* help;
  double (*value)(const EngineStats&);
};

constexpr Metric kMetrics[] = {
    {"ferrum_steps_total", "counter", "Steps that the model computed",
     [](const EngineStats& s) { return double(s.steps); }},
    {"ferrum_prompt_tokens_total", "counter", "Tokens of prompts, cached ones included",
     [](const EngineStats& s) { return double(s.prompt_tokens); }},
    {"ferrum_texts_total", "counter", "Texts that embeddings, scores or hidden states were made of",
     [](const EngineStats& s) { return double(s.texts); }},
    {"ferrum_cached_tokens_total", "counter", "Tokens of prompts that the prefix cache held",
     [](const EngineStats& s) { return double(s.cached_tokens); }},
    {"ferrum_prefix_hits_total", "counter", "Requests for which the prefix cache held a part of the prompt",
     [](const EngineStats& s) { return double(s.prefix_hits); }},
    {"ferrum_generated_tokens_total", "counter", "Generated tokens",
     [](const EngineStats& s) { return double(s.generated_tokens); }},
    {"ferrum_drafted_tokens_total", "counter", "Tokens that speculation proposed",
     [](const EngineStats& s) { return double(s.drafted_tokens); }},
    {"ferrum_accepted_tokens_total", "counter", "Drafted tokens that were accepted",
     [](const EngineStats& s) { return double(s.accepted_tokens); }},
    {"ferrum_seconds_in_step", "gauge", "Time that the current step has taken so far",
     [](const EngineStats& s) { return s.seconds_in_step; }},
    {"ferrum_requests_refused_total", "counter", "Requests that were refused",
     [](const EngineStats& s) { return double(s.refused); }},
    {"ferrum_requests_finished_total", "counter", "Requests that were answered completely",
     [](const EngineStats& s) { return double(s.finished); }},
    {"ferrum_requests_cancelled_total", "counter", "Requests that their clients cancelled",
     [](const EngineStats& s) { return double(s.cancelled); }},
    {"ferrum_requests_failed_total", "counter", "Requests that ended with an error",
     [](const EngineStats& s) { return double(s.failed); }},
    {"ferrum_preemptions_total", "counter", "Sequences that were preempted, to be computed again",
     [](const EngineStats& s) { return double(s.preemptions); }},
    {"ferrum_requests_waiting", "gauge", "Requests in the queue",
     [](const EngineStats& s) { return double(s.waiting); }},
    {"ferrum_sequences_running", "gauge", "Sequences that are being computed",
     [](const EngineStats& s) { return double(s.running); }},
    {"ferrum_kv_blocks_used", "gauge", "Blocks of the KV cache in use",
     [](const EngineStats& s) { return double(s.used_blocks); }},
    {"ferrum_kv_blocks_cached", "gauge", "Unused blocks that still hold a prefix",
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
    {"ferrum_queue_seconds", "Time from submission to the first step", &EngineStats::queue_seconds},
    {"ferrum_time_to_first_token_seconds", "Time from submission to the first token",
     &EngineStats::first_token_seconds},
    {"ferrum_inter_token_seconds", "Time from one token of an answer to the next",
     &EngineStats::inter_token_seconds},
    {"ferrum_request_seconds", "Time from submission to the end, of requests that were answered completely",
     &EngineStats::request_seconds},
    {"ferrum_step_sequences", "Sequences in a step", &EngineStats::step_sequences},
    {"ferrum_step_tokens", "Tokens in a step", &EngineStats::step_tokens},
};

struct AdapterMetric {
  const char* name;
  const char* type;
  const char* help;
  double (*value)(const AdapterInfo&);
};

constexpr AdapterMetric kAdapterMetrics[] = {
    {"ferrum_adapter_requests_total", "counter", "Requests that named the adapter",
     [](const AdapterInfo& a) { return double(a.requests); }},
    {"ferrum_adapter_prompt_tokens_total", "counter", "Tokens of these requests' prompts",
     [](const AdapterInfo& a) { return double(a.prompt_tokens); }},
    {"ferrum_adapter_generated_tokens_total", "counter", "Tokens generated with the adapter",
     [](const AdapterInfo& a) { return double(a.generated_tokens); }},
    {"ferrum_adapter_in_memory", "gauge",
     "1: the adapter is in memory, 0: it is read again when it is wanted",
     [](const AdapterInfo& a) { return a.in_memory ? 1.0 : 0.0; }},
    {"ferrum_adapter_bytes", "gauge", "Bytes that the adapter takes in memory",
     [](const AdapterInfo& a) { return double(a.bytes); }},
};

struct DeviceMetric {
  const char* name;
  const char* help;
  double (*value)(const DeviceStats&);
};

constexpr DeviceMetric kDeviceMetrics[] = {
    {"ferrum_device_memory_bytes", "Memory of the device that computes the model",
     [](const DeviceStats& d) { return double(d.memory); }},
    {"ferrum_device_free_bytes", "What of it was free when the engine rested last",
     [](const DeviceStats& d) { return double(d.free); }},
    {"ferrum_device_lost", "1: the device is lost, and requests end with an error; 0: it works",
     [](const DeviceStats& d) { return d.failure.empty() ? 0.0 : 1.0; }},
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

// Buckets are cumulative: each includes the counts of lower ones.
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

std::string header_of(const char* name, const char* type, const char* help) {
  return fmt::format("# HELP {} {}\n# TYPE {} {}\n", name, help, name, type);
}

std::string lines_of(const RequestCounts::Counts& requests) {
  constexpr const char* kName = "ferrum_http_requests_total";
  std::string out = header_of(kName, "counter", "Responses by path, method and status");
  for (const auto& [key, count] : requests)
    out += fmt::format("{}{{path=\"{}\",method=\"{}\",status=\"{}\"}} {}\n", kName, escaped(key.path),
                       escaped(key.method), key.status, count);
  return out;
}

std::string lines_of(const AdapterStats& models) {
  std::string out;
  for (const AdapterMetric& m : kAdapterMetrics) {
    std::string lines;
    for (const auto& [model, adapters] : models)
      for (const AdapterInfo& adapter : adapters)
        lines += fmt::format("{}{{model=\"{}\",adapter=\"{}\"}} {}\n", m.name, escaped(model),
                             escaped(adapter.name), m.value(adapter));
    if (!lines.empty()) out += header_of(m.name, m.type, m.help) + lines;
  }
  return out;
}

// Of models that are computed on a device of its own.
std::string device_lines(const AllEngineStats& engines) {
  std::string out;
  for (const DeviceMetric& m : kDeviceMetrics) {
    std::string lines;
    for (const auto& [model, stats] : engines)
      if (!stats.device.name.empty())
        lines += fmt::format("{}{{model=\"{}\",device=\"{}\"}} {}\n", m.name, escaped(model),
                             escaped(stats.device.name), m.value(stats.device));
    if (!lines.empty()) out += header_of(m.name, "gauge", m.help) + lines;
  }
  return out;
}

// The names used by Prometheus' own client libraries.
std::string lines_of(const ProcessStats& p) {
  const auto line = [](const char* name, const char* type, const char* help, auto value) {
    return header_of(name, type, help) + fmt::format("{} {}\n", name, value);
  };
  return line("process_cpu_seconds_total", "counter", "User and system CPU time", p.cpu_seconds) +
         line("process_start_time_seconds", "gauge", "When the process started, since the Unix epoch",
              p.start_time) +
         line("process_resident_memory_bytes", "gauge", "Resident memory", p.resident_bytes) +
         line("process_virtual_memory_bytes", "gauge", "Virtual memory", p.virtual_bytes) +
         line("process_open_fds", "gauge", "Open file descriptors", p.open_files) +
         line("process_max_fds", "gauge", "File descriptors that may be open", p.max_files);
}

}  // namespace

void RequestCounts::add(Key key) {
  const std::lock_guard lock(mutex_);
  ++counts_[std::move(key)];
}

RequestCounts::Counts RequestCounts::all() const {
  const std::lock_guard lock(mutex_);
  return counts_;
}

AdapterStats adapter_stats(const ModelPool& models) {
  AdapterStats all;
  for (const ModelPool::Entry& model : models.all())
    if (model.engine) all.emplace_back(model.name, model.engine->adapters());
  return all;
}

AllEngineStats engine_stats(const ModelPool& models) {
  AllEngineStats all;
  for (const ModelPool::Entry& model : models.all())
    if (model.engine) all.emplace_back(model.name, model.engine->stats());
  return all;
}

std::string prometheus_text(const AllEngineStats& engines, const ServerStats& server) {
  std::string out;
  for (const Metric& m : kMetrics) {
    if (engines.empty()) break;
    out += header_of(m.name, m.type, m.help);
    for (const auto& [model, stats] : engines)
      out += fmt::format("{}{{model=\"{}\"}} {}\n", m.name, escaped(model), m.value(stats));
  }
  for (const Distribution& d : kDistributions) {
    if (engines.empty()) break;
    out += header_of(d.name, "histogram", d.help);
    for (const auto& [model, stats] : engines) out += lines_of(d, escaped(model), stats.*d.histogram);
  }
  out += device_lines(engines);
  out += lines_of(server.adapters);
  out += lines_of(server.requests);
  constexpr const char* kConnections = "ferrum_connections";
  out += header_of(kConnections, "gauge", "Open connections of clients");
  out += fmt::format("{} {}\n", kConnections, server.connections);
  constexpr const char* kBuild = "ferrum_build_info";
  out += header_of(kBuild, "gauge", "Constant 1, labelled with the version");
  out += fmt::format("{}{{version=\"{}\"}} 1\n", kBuild, escaped(server.version));
  if (server.process) out += lines_of(*server.process);
  return out;
}

}  // namespace ferrum::server
