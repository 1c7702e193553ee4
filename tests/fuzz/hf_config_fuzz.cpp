// config.json: whatever the text, a description in range, or an Error.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/error.h"
#include "checkpoint/safetensors/hf_config.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace ferrum;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  try {
    const HfConfig config = parse_hf_config(text, "fuzz");
    validate(config.model, "fuzz");  // again: what was given out is in range
  } catch (const Error&) {           // the one exception allowed
  }
  return 0;
}
