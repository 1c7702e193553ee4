// Reads little-endian values from untrusted bytes. Never reads past their end, and checks every size against
// the bytes that are left.
#pragma once
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>

#include "base/error.h"

namespace ferrum {

class ByteCursor {
 public:
  // `source` names the bytes in messages and must outlive the cursor.
  ByteCursor(std::span<const std::byte> bytes, const std::string& source) : bytes_(bytes), source_(source) {}

  size_t position() const { return position_; }
  size_t remaining() const { return bytes_.size() - position_; }

  // `what` names the field. Throws kBadFile if the bytes end before it does.
  template <class T>
  T read(std::string_view what) {
    T value;
    std::memcpy(&value, take(sizeof(T), what).data(), sizeof(T));
    return value;
  }

  std::span<const std::byte> take(uint64_t size, std::string_view what) {
    if (size > remaining())
      fail(ErrorCode::kBadFile, "{}: {} at byte {} needs {} bytes, but only {} follow", source_,
           in_quotes(what), position_, size, remaining());
    const auto part = bytes_.subspan(position_, size);
    position_ += size;
    return part;
  }

  // The number of elements that follow, each of at least `element_bytes`.
  uint64_t read_count(std::string_view what, uint64_t element_bytes) {
    const size_t at = position_;
    const auto count = read<uint64_t>(what);
    if (count > remaining() / element_bytes)
      fail(ErrorCode::kBadFile, "{}: {} at byte {} is {}, more than the {} bytes that follow can hold",
           source_, in_quotes(what), at, count, remaining());
    return count;
  }

 private:
  std::span<const std::byte> bytes_;
  const std::string& source_;
  size_t position_ = 0;
};

}  // namespace ferrum
