#include "grammar/mask_cache.h"

namespace ferrum::grammar {
namespace {

size_t bytes_of(const LexemeMask& mask) {
  return sizeof(LexemeMask) + sizeof(MaskCache::Key) + 64 + mask.inside.size() * sizeof(uint32_t) +
         mask.closers.size() * sizeof(StringTokens::Closer) + mask.exits.size() * sizeof(LexemeMask::Exit);
}

}  // namespace

std::shared_ptr<const LexemeMask> MaskCache::find(const Key& key) const {
  const std::scoped_lock lock(mutex_);
  const auto found = masks_.find(key);
  return found == masks_.end() ? nullptr : found->second;
}

void MaskCache::put(const Key& key, std::shared_ptr<const LexemeMask> mask) {
  const size_t size = bytes_of(*mask);
  const std::scoped_lock lock(mutex_);
  if (bytes_ + size > most_bytes_) {
    masks_.clear();
    bytes_ = 0;
  }
  if (size <= most_bytes_ && masks_.emplace(key, std::move(mask)).second) bytes_ += size;
}

size_t MaskCache::bytes() const {
  const std::scoped_lock lock(mutex_);
  return bytes_;
}

}  // namespace ferrum::grammar
