// JSON of others, parsed strictly and within bounds.
#pragma once
#include <cstddef>
#include <nlohmann/json_fwd.hpp>
#include <string_view>

namespace ferrum {

using Json = nlohmann::json;
// Keeps the order of keys, which chat templates can see. Its look-ups are linear, so objects are kept small.
using OrderedJson = nlohmann::ordered_json;

struct JsonLimits {
  size_t max_bytes = size_t{256} << 20;
  size_t max_keys = 4'000'000;  // of one object
  int max_depth = 128;
};

// `source` names the text in messages, e.g. a path. Refuses what is no JSON (with the byte position), broken
// UTF-8, duplicate keys (with the key), and what exceeds the limits: Error kBadFile.
Json parse_json(std::string_view text, std::string_view source, const JsonLimits& limits = {});
OrderedJson parse_ordered_json(std::string_view text, std::string_view source,
                               const JsonLimits& limits = {.max_keys = 10'000});

}  // namespace ferrum
