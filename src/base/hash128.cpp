#include "base/hash128.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

namespace ferrum {

struct Hasher128::State {
  XXH3_state_t xxh3;
};

Hasher128::Hasher128() : state_(std::make_unique<State>()) { XXH3_128bits_reset(&state_->xxh3); }
Hasher128::~Hasher128() = default;
Hasher128::Hasher128(Hasher128&&) noexcept = default;
Hasher128& Hasher128::operator=(Hasher128&&) noexcept = default;

void Hasher128::add(std::span<const std::byte> bytes) {
  if (!bytes.empty()) XXH3_128bits_update(&state_->xxh3, bytes.data(), bytes.size());
}

void Hasher128::add_text(std::string_view text) {
  add_value(uint64_t{text.size()});
  add(std::as_bytes(std::span(text)));
}

Hash128 Hasher128::hash() const {
  const XXH128_hash_t hash = XXH3_128bits_digest(&state_->xxh3);
  return {hash.high64, hash.low64};
}

}  // namespace ferrum
