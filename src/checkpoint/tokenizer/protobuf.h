// Protocol buffers on the wire (https://protobuf.dev/programming-guides/encoding): the fields of a message,
// one after the other. Only as much as reading needs.
#pragma once
#include <bit>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/error.h"

namespace ferrum {

class ProtobufReader {
 public:
  struct Field {
    uint32_t number = 0;
    uint64_t value = 0;      // of a varint or a fixed-size number
    std::string_view bytes;  // of a string, bytes or a message

    float as_float() const { return std::bit_cast<float>(static_cast<uint32_t>(value)); }
  };

  // `source` names the message in errors and must outlive the reader.
  ProtobufReader(std::string_view message, const std::string& source) : rest_(message), source_(source) {}

  // False at the message's end. Error kBadFile where it is cut short or has an obsolete wire type.
  bool next(Field& field) {
    if (rest_.empty()) return false;
    const uint64_t key = varint();
    field = {};
    field.number = static_cast<uint32_t>(key >> 3);
    switch (key & 7) {
      case 0:
        field.value = varint();
        break;
      case 1:
        field.value = fixed(8);
        break;
      case 2:
        field.bytes = take(varint());
        break;
      case 5:
        field.value = fixed(4);
        break;
      default:
        fail(ErrorCode::kBadFile, "{}: no protocol buffer: field {} has the wire type {}", source_,
             field.number, key & 7);
    }
    return true;
  }

 private:
  std::string_view take(uint64_t size) {
    if (size > rest_.size())
      fail(ErrorCode::kBadFile, "{}: a field of {} bytes, but only {} follow", source_, size, rest_.size());
    const std::string_view part = rest_.substr(0, size);
    rest_.remove_prefix(size);
    return part;
  }
  uint64_t varint() {
    uint64_t value = 0;
    for (int shift = 0; shift < 64; shift += 7) {
      const auto byte = static_cast<unsigned char>(take(1)[0]);
      value |= uint64_t{byte & 0x7Fu} << shift;
      if (byte < 0x80) return value;
    }
    fail(ErrorCode::kBadFile, "{}: no protocol buffer: a number of more than 64 bits", source_);
  }
  uint64_t fixed(size_t size) {
    const std::string_view bytes = take(size);
    uint64_t value = 0;
    for (size_t i = size; i-- > 0;) value = value << 8 | static_cast<unsigned char>(bytes[i]);
    return value;
  }

  std::string_view rest_;
  const std::string& source_;
};

}  // namespace ferrum
