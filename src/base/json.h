// JSON from outside (files, requests), parsed strictly and within limits.
#pragma once
#include <cstddef>
#include <nlohmann/json_fwd.hpp>
#include <string_view>

namespace ferrum {

using Json = nlohmann::json;
// Keeps the order of keys, which chat templates can see. Its look-ups are linear, so objects are kept small.
using OrderedJson = nlohmann::ordered_json;

// NaN, Infinity and -Infinity, which JSON lacks and Python's json module writes.
enum class NonFinite {
  kRefused,
  kRead,  // as floating-point values
};

struct JsonLimits {
  size_t max_bytes = size_t{256} << 20;
  size_t max_keys = 4'000'000;  // of one object
  int max_depth = 128;
  NonFinite non_finite = NonFinite::kRefused;
};

// For the files of a Hugging Face model, which Python wrote.
inline constexpr JsonLimits kPythonJson = {.non_finite = NonFinite::kRead};

// `source` names the text in messages, e.g. a path. Error kBadFile: the text is not JSON (with the byte
// position), has broken UTF-8 or a duplicate key (with the key), or exceeds a limit.
Json parse_json(std::string_view text, std::string_view source, const JsonLimits& limits = {});
OrderedJson parse_ordered_json(std::string_view text, std::string_view source,
                               const JsonLimits& limits = {.max_keys = 10'000});

}  // namespace ferrum
