// Sends requests to a server and measures the latency of the responses.
#pragma once
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "loadgen/arrivals.h"
#include "loadgen/sample.h"

namespace ferrum::http_client {
class HttpServerAddress;
}

namespace ferrum::loadgen {

using http_client::HttpServerAddress;

// When requests are sent: by a number of clients, each after its previous response (a closed loop), or at a
// rate that does not depend on responses (an open loop).
struct Load {
  int clients = 1;
  double rate = 0;  // requests per second; 0: a closed loop
  Spacing spacing = Spacing::kPoisson;
  uint64_t seed = 0;     // of the arrival times
  int64_t requests = 0;  // the number of requests; 0: unlimited
  double seconds = 0;    // the duration; 0: unlimited. One of the two limits is set.
};

// Measures requests that are sent to `path` below the server's address, all on the caller's thread.
class LoadGenerator {
 public:
  // The body of a request by its number. Numbers continue from run to run, starting at `first_number`.
  using Body = std::function<std::string(uint64_t number)>;
  LoadGenerator(const HttpServerAddress& server, std::string path, Body body, uint64_t first_number = 0);
  ~LoadGenerator();
  LoadGenerator(const LoadGenerator&) = delete;
  LoadGenerator& operator=(const LoadGenerator&) = delete;

  // Returns a sample for each request that was sent, ordered by end time. Connections are kept from run to
  // run. `on_answer` is called with the number of responses so far.
  std::vector<Sample> run(const Load& load, const std::function<void(int64_t answers)>& on_answer = {});
  uint64_t next_number() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

struct HttpReply {
  int status = 0;
  std::string body;  // the first mebibyte
};
// One exchange: GET if the body is empty, otherwise POST. Throws kIo naming the URL and the failure.
HttpReply fetch(const HttpServerAddress& server, const std::string& path, const std::string& body = {});

}  // namespace ferrum::loadgen
