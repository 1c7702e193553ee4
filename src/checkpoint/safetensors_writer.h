// Writes a safetensors file piece by piece: the shapes are said first, the data may be larger than memory.
#pragma once
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace ferrum {

struct SafetensorsDeclaration {
  std::string name;
  std::string_view type;       // "F32", "I64", …
  std::vector<int64_t> shape;  // outermost first
};

class SafetensorsWriter {
 public:
  // Creates `path` and writes the header. The tensors' data must then be appended in the order declared.
  // Until finish() the bytes are in a file beside `path`, so that no half-written one is ever taken for
  // whole. Error kIo naming the path.
  SafetensorsWriter(std::filesystem::path path, const std::vector<SafetensorsDeclaration>& tensors,
                    const std::vector<std::pair<std::string, std::string>>& metadata = {});
  ~SafetensorsWriter();  // without finish(): leaves nothing behind
  SafetensorsWriter(const SafetensorsWriter&) = delete;
  SafetensorsWriter& operator=(const SafetensorsWriter&) = delete;

  // The next bytes, of any size; tensors may be cut anywhere.
  void append(std::span<const std::byte> data);
  // Everything declared must have been appended. Moves the file to its name.
  void finish();

 private:
  std::filesystem::path path_, temporary_;
  std::ofstream out_;
  uint64_t missing_ = 0;  // bytes declared and not yet appended
};

}  // namespace ferrum
