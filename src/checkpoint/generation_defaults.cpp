#include <optional>
#include <string>
#include <string_view>

#include "base/error.h"
#include "checkpoint/checkpoint.h"

namespace ferrum {
namespace {

void in_range(const std::string& source, std::string_view name, std::optional<float> value, float least,
              float most) {
  if (value && !(*value >= least && *value <= most))
    fail(ErrorCode::kBadConfig, "{}: {} is {}, out of the range {} to {}", source, name, *value, least, most);
}

}  // namespace

void validate(const GenerationDefaults& defaults, const std::string& source) {
  in_range(source, "temperature", defaults.temperature, 0, 100);
  in_range(source, "top_p", defaults.top_p, 0, 1);
  in_range(source, "min_p", defaults.min_p, 0, 1);
  in_range(source, "repetition_penalty", defaults.repetition_penalty, 0.01f, 100);
  if (defaults.top_k && *defaults.top_k < -1)
    fail(ErrorCode::kBadConfig, "{}: top_k is {}, out of the range -1 (all) to the vocabulary's size", source,
         *defaults.top_k);
}

}  // namespace ferrum
