#include "checkpoint/adapters/adapter.h"

#include <algorithm>

#include "base/error.h"
#include "checkpoint/adapters/adapter_tensors.h"

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

Adapter read_adapter(const std::filesystem::path& path, const Checkpoint& base) {
  if (std::filesystem::is_directory(path)) return read_peft_adapter(path, base);
  if (!std::filesystem::exists(path)) fail(ErrorCode::kNotFound, "{}: no such file or folder", path.string());
  return read_gguf_adapter(path, base);
}

}  // namespace ferrum
