// An adapter in memory, as the requests that use it see it.
#pragma once
#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/hash128.h"
#include "engine/chunk.h"

namespace ferrum {

// Of all requests that named one adapter, since it was loaded. For any thread.
struct AdapterCounts {
  std::atomic<int64_t> requests = 0, prompt_tokens = 0, generated_tokens = 0;
};

// It stays in memory, and its slot is its own, while this is held.
struct AdapterInUse {
  int slot = -1;
  bool changes_experts = false;
  Hash128 fingerprint;
  uint64_t bytes = 0;
  std::shared_ptr<AdapterCounts> counts;
};

// The salt of a cache that is shared only among requests with the same salt, adapter and scale. Where there
// is no adapter, that of the request. Error kBadArgument for a request's salt that looks like one with an
// adapter.
std::string cache_salt(const AdapterInUse* adapter, float scale, const std::string& salt);
// That of the requests.
std::string request_salt(const std::string& salt);

}  // namespace ferrum
