// Caches the token ids of short pieces, since most words of a text recur. Bounded; used by
// one thread.
#pragma once
#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>
#include <string_view>
#include <vector>

#include "text/token.h"

namespace ferrum {

class PieceCache {
 public:
  static constexpr size_t kMostBytes = 24;
  static constexpr size_t kMostIds = 6;

  // Appends the ids of `piece` and returns true on a cache hit.
  bool append(std::string_view piece, std::vector<TokenId>& out) const {
    if (piece.size() > kMostBytes || slots_.empty()) return false;
    const Slot& slot = slots_[index(piece)];
    if (std::string_view(slot.bytes.data(), slot.size) != piece) return false;
    out.insert(out.end(), slot.ids.begin(), slot.ids.begin() + slot.count);
    return true;
  }

  // The list of ids may be empty: of a piece that the vocabulary cannot spell.
  void put(std::string_view piece, const TokenId* ids, size_t count) {
    if (piece.size() > kMostBytes || piece.empty() || count > kMostIds) return;
    if (slots_.empty()) slots_.resize(kSlots);
    Slot& slot = slots_[index(piece)];
    slot.size = static_cast<uint8_t>(piece.size());
    slot.count = static_cast<uint8_t>(count);
    std::memcpy(slot.bytes.data(), piece.data(), piece.size());
    std::copy_n(ids, count, slot.ids.begin());
  }

 private:
  static constexpr size_t kSlots = size_t{1} << 15;  // 1.7 MB

  struct Slot {
    std::array<char, kMostBytes> bytes;
    std::array<TokenId, kMostIds> ids;
    uint8_t size = 0;  // 0: empty
    uint8_t count = 0;
  };

  static size_t index(std::string_view piece) {
    uint64_t h = piece.size() * 0x9E3779B97F4A7C15u;
    const char* p = piece.data();
    size_t left = piece.size();
    for (; left >= 8; p += 8, left -= 8) h = mix(h, p, 8);
    if (left > 0) h = mix(h, p, left);
    return (h ^ (h >> 32)) & (kSlots - 1);
  }
  static uint64_t mix(uint64_t h, const char* p, size_t n) {
    uint64_t word = 0;
    std::memcpy(&word, p, n);
    h = (h ^ word) * 0xD6E8FEB86659FD93u;
    return h ^ (h >> 29);
  }

  std::vector<Slot> slots_;
};

}  // namespace ferrum
