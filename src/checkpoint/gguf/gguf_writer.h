// Writes GGUF v3 files front to back: first the declarations of all tensors, then their bytes in the same
// order, in pieces of any size. Little-endian.
//
// Format: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md
#pragma once
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "base/output_file.h"
#include "checkpoint/gguf/gguf.h"
#include "tensor/format.h"

namespace ferrum {

// A metadata value; its C++ type is its GGUF type.
using GgufScalar = std::variant<uint8_t, int8_t, uint16_t, int16_t, uint32_t, int32_t, float, bool,
                                std::string, uint64_t, int64_t, double>;
using GgufList =
    std::variant<std::vector<uint8_t>, std::vector<int8_t>, std::vector<uint16_t>, std::vector<int16_t>,
                 std::vector<uint32_t>, std::vector<int32_t>, std::vector<float>, std::vector<bool>,
                 std::vector<std::string>, std::vector<uint64_t>, std::vector<int64_t>, std::vector<double>>;

// The part of the file before the tensors' bytes.
class GgufHeader {
 public:
  static constexpr uint64_t kAlignment = 32;

  struct Tensor {
    std::string name;
    Format format = Format::kF32;
    std::vector<int64_t> shape;  // outermost first, 1 to 4 dimensions; rows are whole blocks

    uint64_t bytes() const;
  };

  // Keys are written in the order in which they were set; a key is set once.
  void set(std::string_view key, GgufScalar value);
  void set(std::string_view key, GgufList values);
  // Copies a value that was read from another file. Single integers are written with 32 bits where they fit.
  void copy(std::string_view key, const GgufValue& value);
  bool has(std::string_view key) const;

  void add(Tensor tensor);

  const std::vector<Tensor>& tensors() const { return tensors_; }
  std::vector<std::byte> serialised() const;  // padded to where the first tensor's bytes begin
  uint64_t file_bytes() const;                // of the whole file

 private:
  struct Entry {
    std::string key;
    std::vector<std::byte> value;  // type and value as in the file
  };

  std::vector<Entry> entries_;
  std::vector<Tensor> tensors_;
};

class GgufWriter {
 public:
  // Checks that the disk has room for the whole file, then writes the header. Errors: kIo (see OutputFile).
  GgufWriter(std::filesystem::path target, GgufHeader header);

  // Bytes of the current tensor, or as many as are left of it; may be called in pieces of any size.
  void append(std::span<const std::byte> bytes);

  uint64_t tensor_bytes_written() const { return all_tensor_bytes_; }  // without padding

  // The tensor that append() continues; null after the last.
  const GgufHeader::Tensor* current() const;

  // REQUIRES: all tensors are complete. Makes the target appear; without this call no file is left (fault
  // B61).
  void finish();

 private:
  void pad();

  GgufHeader header_;
  OutputFile file_;
  size_t tensor_ = 0;          // current()
  uint64_t tensor_bytes_ = 0;  // of it, written so far
  uint64_t all_tensor_bytes_ = 0;
};

}  // namespace ferrum
