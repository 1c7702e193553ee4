#include "tensor/format.h"

#include <array>

#include "base/ascii.h"
#include "base/check.h"
#include "tensor/formats/decode.h"

namespace ferrum {
namespace {

// In the order of the enumeration.
constexpr std::array<FormatTraits, kFormatCount> kTraits = {{
#define FERRUM_TRAITS(member, name, block_values, block_bytes, decoder) \
  {Format::member, name, block_values, block_bytes, formats::decode_##decoder},
    FERRUM_FORMATS(FERRUM_TRAITS)
#undef FERRUM_TRAITS
}};

}  // namespace

const FormatTraits& traits(Format format) { return kTraits[static_cast<size_t>(format)]; }

std::optional<Format> format_named(std::string_view name) {
  for (const FormatTraits& t : kTraits)
    if (is_same_word(t.name, name)) return t.format;
  return std::nullopt;
}

size_t row_bytes(Format format, size_t values) {
  const FormatTraits& t = traits(format);
  check_equal(values % t.block_values, size_t{0}, "a row is a whole number of blocks");
  return values / t.block_values * t.block_bytes;
}

}  // namespace ferrum
