// Writes a safetensors file piece by piece: the shapes are said first, the data may be larger than memory.
#pragma once
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/output_file.h"

namespace ferrum {

struct SafetensorsDeclaration {
  std::string name;
  std::string_view type;       // "F32", "I64", …
  std::vector<int64_t> shape;  // outermost first
};

class SafetensorsWriter {
 public:
  // Writes the header. The tensors' data must then be appended in the order declared; finish() makes the file
  // appear under its name, whole. Errors: those of OutputFile.
  SafetensorsWriter(const std::filesystem::path& path, const std::vector<SafetensorsDeclaration>& tensors,
                    const std::vector<std::pair<std::string, std::string>>& metadata = {});

  // The next bytes, of any size; tensors may be cut anywhere.
  void append(std::span<const std::byte> data);
  // Everything declared must have been appended.
  void finish();

 private:
  SafetensorsWriter(const std::filesystem::path& path, const std::string& header, uint64_t data_bytes);

  OutputFile file_;
  uint64_t missing_ = 0;  // bytes declared and not yet appended
};

}  // namespace ferrum
