#include "checkpoint/adapters/adapter.h"

#include <algorithm>

#include "base/error.h"
#include "checkpoint/adapters/adapter_tensors.h"
#include "checkpoint/gguf/gguf.h"
#include "checkpoint/safetensors/safetensors.h"

namespace ferrum {

int64_t Adapter::parameters() const {
  size_t count = 0;
  for (const LowRankChange& change : changes) count += change.a.size() + change.b.size();
  for (const WholeChange& change : whole) count += change.difference.size();
  return static_cast<int64_t>(count);
}

bool Adapter::changes_experts() const {
  return std::ranges::any_of(changes, [](const LowRankChange& c) {
    using Role = TensorRole;
    const Role role = c.key.role;
    return role == Role::kExpertGate || role == Role::kExpertUp || role == Role::kExpertGateUp ||
           role == Role::kExpertDown;
  });
}

int Adapter::largest_rank() const {
  int64_t rank = 0;
  for (const LowRankChange& change : changes) rank = std::max(rank, change.rank);
  return static_cast<int>(rank);
}

uint64_t adapter_bytes(const std::filesystem::path& path, DType kept) {
  uint64_t bytes = 0;
  const auto add = [&](std::string_view name, Format format, int64_t elements) {
    const bool is_low_rank = name.find("lora_") != std::string_view::npos;
    const bool is_half = format == Format::kF16 || format == Format::kBF16;
    const size_t each = !is_low_rank ? sizeof(float) : is_half ? sizeof(uint16_t) : size_of(kept);
    bytes += static_cast<uint64_t>(elements) * each;
  };
  if (std::filesystem::is_directory(path)) {
    const auto file = SafetensorsFile::open(path / "adapter_model.safetensors");
    for (const SafetensorsEntry& entry : file->entries())
      if (entry.type->format) add(entry.name, *entry.type->format, entry.elements());
  } else {
    const auto file = GgufFile::open(path);
    for (const HostTensor& tensor : file->tensors()) add(tensor.name, tensor.format, tensor.elements());
  }
  return bytes;
}

Adapter read_adapter(const std::filesystem::path& path, const Checkpoint& base) {
  if (std::filesystem::is_directory(path)) return read_peft_adapter(path, base);
  if (!std::filesystem::exists(path)) fail(ErrorCode::kNotFound, "{}: no such file or folder", path.string());
  return read_gguf_adapter(path, base);
}

}  // namespace ferrum
