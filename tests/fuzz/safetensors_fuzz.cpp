// safetensors files and their index: whatever the bytes, tensors that lie within them, or an Error.
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "base/check.h"
#include "base/error.h"
#include "checkpoint/safetensors/safetensors.h"
#include "checkpoint/safetensors/safetensors_set.h"

namespace {

using namespace ferrum;

void read_file(std::span<const std::byte> bytes) {
  const auto file = SafetensorsFile::parse(bytes, "fuzz");
  for (const SafetensorsEntry& e : file->entries()) {
    check(e.bytes.data() >= bytes.data() && e.bytes.data() + e.bytes.size() <= bytes.data() + bytes.size(),
          "a tensor within the file");
    check_equal(e.bytes.size() * 8, static_cast<size_t>(e.elements() * e.type->bits), "bits of a tensor");
    check(file->find(e.name) == &e, "a tensor that is found by its name");
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  try {
    read_file(std::as_bytes(std::span(data, size)));
  } catch (const Error&) {  // the one exception allowed
  }
  try {
    parse_safetensors_index(text, "fuzz");
  } catch (const Error&) {
  }
  return 0;
}
