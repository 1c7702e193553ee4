// Connections of HTTP/1.1: the first byte says in pieces of how many bytes the rest arrives. Requests within
// the limits, or a fault; the same ones however the bytes are cut.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/check.h"
#include "server/http/request_reader.h"

namespace {

using namespace ferrum;
using namespace ferrum::server;

constexpr RequestReader::Limits kLimits = {.head_bytes = 1000, .body_bytes = 2000};

// What the connection says, as far as it can be read.
std::vector<HttpRequest> requests_of(std::string_view bytes, size_t piece) {
  std::vector<HttpRequest> requests;
  std::string waiting;
  std::optional<RequestReader> reader(kLimits);
  try {
    while (true) {
      const size_t taken = reader->take(waiting);
      check(taken <= waiting.size(), "no more than there is is taken");
      waiting.erase(0, taken);
      if (reader->is_done()) {
        check(reader->has_head(), "a request has a head");
        requests.push_back(reader->release());
        check(requests.back().body.size() <= kLimits.body_bytes, "a body within its limit");
        reader.emplace(kLimits);
        if (!waiting.empty()) continue;
      }
      if (bytes.empty()) return requests;
      waiting += bytes.substr(0, piece);
      bytes.remove_prefix(std::min(piece, bytes.size()));
    }
  } catch (const HttpFault& fault) {
    check(fault.status == 400 || fault.status == 413 || fault.status == 431, "a client's fault");
  }
  return requests;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const std::string_view bytes(reinterpret_cast<const char*>(data + 1), size - 1);
  const std::vector<HttpRequest> cut = requests_of(bytes, size_t{data[0]} + 1);
  const std::vector<HttpRequest> whole = requests_of(bytes, bytes.size() + 1);
  check_equal(cut.size(), whole.size(), "requests, however the bytes are cut");
  for (size_t i = 0; i < cut.size(); ++i)
    check(cut[i].method == whole[i].method && cut[i].path == whole[i].path &&
              cut[i].query == whole[i].query && cut[i].headers == whole[i].headers &&
              cut[i].body == whole[i].body,
          "the same requests, however the bytes are cut");
  return 0;
}
