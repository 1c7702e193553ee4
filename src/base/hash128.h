// 128-bit hashes (XXH3) of bytes that arrive in parts, to detect damaged or different contents. Not secure
// against collisions made on purpose.
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

  // The hash does not depend on how the bytes are split.
  void add(std::span<const std::byte> bytes);

  // Adds a value; a text is added with its length, so that it does not run into what follows.
  template <class T>
  requires std::is_arithmetic_v<T>
  void add_value(T value) { add(std::as_bytes(std::span(&value, 1))); }
  void add_text(std::string_view text);

  Hash128 hash() const;  // of all bytes added so far

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace ferrum
