// Metrics for Prometheus.
#pragma once
#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "ferrum/engine.h"
#include "server/model_pool.h"
#include "server/process_stats.h"

namespace ferrum::server {

// Counts responses by path, method and status. Thread-safe.
class RequestCounts {
 public:
  struct Key {
    std::string path;    // a route's pattern, not the client's text: the number of labels is bounded
    std::string method;  // a method of HTTP, or "other"
    int status = 0;      // 499: the client closed the connection before its response began
    auto operator<=>(const Key&) const = default;
  };
  using Counts = std::map<Key, int64_t>;

  void add(Key key);
  Counts all() const;

 private:
  mutable std::mutex mutex_;
  Counts counts_;
};

// A method's label. The set of labels must not grow with what clients send.
std::string method_label(const std::string& method);

// By the name of the model. Their names are labels: a server has as many as its operator loads.
using AdapterStats = std::vector<std::pair<std::string, std::vector<AdapterInfo>>>;

AdapterStats adapter_stats(const ModelPool& models);

// Of the loaded models, by name.
using AllEngineStats = std::vector<std::pair<std::string, EngineStats>>;
AllEngineStats engine_stats(const ModelPool& models);

struct ServerStats {
  std::string version;
  int connections = 0;
  RequestCounts::Counts requests;
  AdapterStats adapters;
  std::optional<ProcessStats> process;
};

// In the text exposition format, version 0.0.4. Metrics of an engine are labelled with its model's name.
std::string prometheus_text(const AllEngineStats& engines, const ServerStats& server);

}  // namespace ferrum::server
