// Strict, bounded parsing of JSON from outside (files, requests).
#pragma once
#include <cstddef>
#include <nlohmann/json_fwd.hpp>
#include <string_view>

namespace ferrum {

using Json = nlohmann::json;
// Keeps the order of keys, which is visible to chat templates. Look-ups are linear: keep objects small.
using OrderedJson = nlohmann::ordered_json;

// NaN, Infinity and -Infinity, which are not JSON but which Python's json module writes.
enum class NonFinite {
  kRefused,
  kRead,  // as floating-point values
};

struct JsonLimits {
  size_t max_bytes = size_t{256} << 20;
  size_t max_keys = 4'000'000;  // per object
  int max_depth = 128;
  NonFinite non_finite = NonFinite::kRefused;
};

// For the files of a Hugging Face model, which Python writes.
inline constexpr JsonLimits kPythonJson = {.non_finite = NonFinite::kRead};

// `source` names the text in messages, e.g. a path. Throws kBadFile if the text is not JSON (with the byte
// position), has malformed UTF-8 or a duplicate key (with the key), or exceeds a limit.
Json parse_json(std::string_view text, std::string_view source, const JsonLimits& limits = {});
OrderedJson parse_ordered_json(std::string_view text, std::string_view source,
                               const JsonLimits& limits = {.max_keys = 10'000});

}  // namespace ferrum
