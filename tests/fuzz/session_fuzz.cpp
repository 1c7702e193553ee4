// Files of sessions: whatever the bytes, blocks that lie within them, or an Error.
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <vector>

#include "base/check.h"
#include "base/error.h"
#include "cache/session_file.h"

namespace {

using namespace ferrum;

void read_file(std::span<const std::byte> bytes) {
  const SessionFile file = SessionFile::parse(bytes, "fuzz");
  const KvOrigin& origin = file.header().origin;
  check_equal(file.tokens().size(),
              static_cast<size_t>(file.blocks()) * static_cast<size_t>(origin.block_tokens), "tokens");
  const auto check_within = [&](std::span<const std::byte> part) {
    check(part.empty() ||
              (part.data() >= bytes.data() && part.data() + part.size() <= bytes.data() + bytes.size()),
          "a part within the file");
  };
  for (int i = 0; i < file.blocks(); ++i) {
    check_within(file.contents(i));
    check_equal(file.contents(i).size(), static_cast<size_t>(origin.block_bytes), "bytes of a block");
    for (size_t w = 0; w < origin.windows.size(); ++w) check_within(file.page(i, w));
  }
}

// With the checksum that belongs to the bytes, which no mutation finds.
std::vector<std::byte> sealed(std::span<const std::byte> bytes) {
  std::vector<std::byte> file(bytes.begin(), bytes.end());
  Hasher128 hasher;
  hasher.add(bytes);
  const Hash128 hash = hasher.hash();
  for (const uint64_t half : {hash.low, hash.high}) {
    const std::span<const std::byte> part = std::as_bytes(std::span(&half, 1));
    file.insert(file.end(), part.begin(), part.end());
  }
  return file;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::span<const std::byte> bytes = std::as_bytes(std::span(data, size));
  try {
    read_file(bytes);
  } catch (const Error&) {  // the one exception allowed
  }
  try {
    read_file(sealed(bytes));
  } catch (const Error&) {
  }
  return 0;
}
