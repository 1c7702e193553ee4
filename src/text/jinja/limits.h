// The limits of time and memory for a template (fault B22). All work and all memory is charged here first.
#pragma once
#include <cstddef>

namespace ferrum::jinja {

struct Limits {
  size_t max_steps = 2'000'000;  // evaluated nodes, iterated items, and every 512 bytes scanned
  size_t max_bytes =
      size_t{64} << 20;  // of all strings and containers that rendering makes, and of the source
  int max_depth = 100;   // of nesting: in the source, in recursion, and in values
};

class Budget {
 public:
  explicit Budget(const Limits& limits)
      : limits_(limits), steps_left_(limits.max_steps), bytes_left_(limits.max_bytes) {}

  void step(size_t count = 1) {
    if (count > steps_left_) out_of_steps();
    steps_left_ -= count;
  }
  // Call before searching `bytes` bytes.
  void scan(size_t bytes) { step(bytes / kBytesPerStep); }
  // Call before processing `bytes` bytes character by character.
  void walk(size_t bytes) { step(bytes / kWalkedPerStep); }
  // Call before allocating `bytes` bytes.
  void make(size_t bytes) {
    if (bytes > bytes_left_) out_of_bytes();
    bytes_left_ -= bytes;
    scan(bytes);
  }
  // Call before allocating `count` items of `size` bytes each; the product may overflow.
  void make(size_t count, size_t size) {
    if (count > bytes_left_ / size) out_of_bytes();
    make(count * size);
  }

  int max_depth() const { return limits_.max_depth; }
  void check_depth(int depth) const {
    if (depth > limits_.max_depth) out_of_depth();
  }

 private:
  // A step takes about as long as searching or processing this many bytes.
  static constexpr size_t kBytesPerStep = 512;
  static constexpr size_t kWalkedPerStep = 32;

  [[noreturn]] void out_of_steps() const;
  [[noreturn]] void out_of_bytes() const;
  [[noreturn]] void out_of_depth() const;

  Limits limits_;
  size_t steps_left_;
  size_t bytes_left_;
};

// Counts one level of C++ recursion during its lifetime.
class Nested {
 public:
  Nested(int& depth, int most);
  ~Nested() { --depth_; }
  Nested(const Nested&) = delete;
  Nested& operator=(const Nested&) = delete;

 private:
  int& depth_;
};

}  // namespace ferrum::jinja
