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
  uint64_t seed = 0;     // of the arrivals
  int64_t requests = 0;  // no more than that; 0: any
  double seconds = 0;    // none is sent after that; 0: any. One of both is given.
};

// Gives the times of requests that are sent to `path` below the server's address, on one thread, the
// caller's.
class LoadGenerator {
 public:
  // The body of a request by its number: numbers go on from run to run, from `first_number`.
  using Body = std::function<std::string(uint64_t number)>;
  LoadGenerator(const HttpServerAddress& server, std::string path, Body body, uint64_t first_number = 0);
  ~LoadGenerator();
  LoadGenerator(const LoadGenerator&) = delete;
  LoadGenerator& operator=(const LoadGenerator&) = delete;

  // A sample for each request that was sent, in the order of their ends. Connections are kept from run to
  // run. `on_answer` gets the number of responses so far.
  std::vector<Sample> run(const Load& load, const std::function<void(int64_t answers)>& on_answer = {});
  uint64_t next_number() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

struct HttpReply {
  int status = 0;
  std::string body;  // its first mebibyte
};
// One exchange: GET where the body is empty, else POST. Error kIo naming the URL and what went wrong.
HttpReply fetch(const HttpServerAddress& server, const std::string& path, const std::string& body = {});

}  // namespace ferrum::loadgen
