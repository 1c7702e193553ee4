// What Prometheus scrapes.
#pragma once
#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "ferrum/engine.h"
#include "server/process_stats.h"

namespace ferrum::server {

// Responses by what was requested. Thread-safe.
class RequestCounts {
 public:
  struct Key {
    std::string path;    // a route's pattern, not what the client sent: the number of labels stays bounded
    std::string method;  // one of HTTP's, or "other"
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

struct ServerStats {
  std::string version;
  int connections = 0;
  RequestCounts::Counts requests;
  std::optional<ProcessStats> process;
};

// In the text exposition format, version 0.0.4. Each engine's metrics are labelled with its model's name.
std::string prometheus_text(const std::vector<std::pair<std::string, EngineStats>>& engines,
                            const ServerStats& server);

}  // namespace ferrum::server
