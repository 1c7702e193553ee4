#include "base/hash128.h"

#include <gtest/gtest.h>

namespace ferrum {
namespace {

std::span<const std::byte> bytes_of(std::string_view text) { return std::as_bytes(std::span(text)); }

// What `xxhsum -H2` prints.
TEST(Hash128, IsXxh3) {
  Hasher128 hasher;
  EXPECT_EQ(hasher.hash(), (Hash128{0x99aa06d3014798d8, 0x6001c324468d497f}));
  hasher.add(bytes_of("Ferrum"));
  EXPECT_EQ(hasher.hash(), (Hash128{0xdcaae068be9aebe5, 0x74647322bf4fbbda}));
}

TEST(Hash128, DoesNotDependOnHowTheBytesAreCut) {
  const std::string text(5000, 'x');
  Hasher128 whole;
  whole.add(bytes_of(text));
  Hasher128 parts;
  for (size_t at = 0; at < text.size(); at += 77) {
    parts.add(bytes_of(std::string_view(text).substr(at, 77)));
    EXPECT_EQ(parts.hash() == whole.hash(), at + 77 >= text.size());
  }
}

TEST(Hash128, TextsAreDelimited) {
  const auto hash = [](std::string_view a, std::string_view b) {
    Hasher128 hasher;
    hasher.add_text(a);
    hasher.add_text(b);
    return hasher.hash();
  };
  EXPECT_EQ(hash("ab", "c"), hash("ab", "c"));
  EXPECT_NE(hash("ab", "c"), hash("a", "bc"));
}

}  // namespace
}  // namespace ferrum
