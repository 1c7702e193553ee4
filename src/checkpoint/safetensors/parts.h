// Tensors by name in the files of a folder, for weights that are stored in several parts.
#pragma once
#include <fmt/format.h>

#include <memory>
#include <string>
#include <vector>

#include "base/error.h"
#include "checkpoint/safetensors/safetensors.h"

namespace ferrum {

struct FoundPart {
  const SafetensorsFile* file = nullptr;
  const SafetensorsEntry* entry = nullptr;  // null: there is none

  // "<file>: tensor <name>", for messages
  std::string place() const { return fmt::format("{}: tensor {}", file->source(), in_quotes(entry->name)); }
};

inline FoundPart find_part(const std::vector<std::unique_ptr<SafetensorsFile>>& files,
                           const std::string& name) {
  for (const auto& file : files)
    if (const SafetensorsEntry* entry = file->find(name)) return {file.get(), entry};
  return {};
}

inline std::string shape_text(const std::vector<int64_t>& shape) {
  return fmt::format("[{}]", fmt::join(shape, ", "));
}

}  // namespace ferrum
