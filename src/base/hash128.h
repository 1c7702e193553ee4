// 128-bit hashes (XXH3) of bytes that come in parts: they tell damaged or other contents from the same ones.
// Not for contents that somebody made to collide.
#pragma once
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>
#include <type_traits>

namespace ferrum {

struct Hash128 {
  uint64_t high = 0;
  uint64_t low = 0;
  bool operator==(const Hash128&) const = default;
};

class Hasher128 {
 public:
  Hasher128();
  ~Hasher128();
  Hasher128(Hasher128&&) noexcept;
  Hasher128& operator=(Hasher128&&) noexcept;

  // The same hash however the bytes are cut.
  void add(std::span<const std::byte> bytes);

  // A value, and a text with its length, so that it is told from its neighbours.
  template <class T>
  requires std::is_arithmetic_v<T>
  void add_value(T value) { add(std::as_bytes(std::span(&value, 1))); }
  void add_text(std::string_view text);

  Hash128 hash() const;  // of all bytes so far

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace ferrum
