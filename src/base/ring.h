// A queue that reuses its memory: it grows to the largest number of elements it has held and never shrinks.
#pragma once
#include <cstddef>
#include <utility>
#include <vector>

namespace ferrum {

// Elements are default-constructible and movable. A removed element leaves its slot moved-from.
template <class T>
class Ring {
 public:
  bool empty() const { return size_ == 0; }
  size_t size() const { return size_; }
  T& front() { return slots_[first_]; }
  // The i-th element from the front.
  T& operator[](size_t i) { return slots_[(first_ + i) & (slots_.size() - 1)]; }

  void push_back(T value) {
    if (size_ == slots_.size()) grow();
    (*this)[size_] = std::move(value);
    ++size_;
  }
  T pop_front() {
    T value = std::move(front());
    first_ = (first_ + 1) & (slots_.size() - 1);
    --size_;
    return value;
  }
  void clear() {
    while (!empty()) pop_front();
  }

 private:
  static constexpr size_t kSlotsAtFirst = 8;

  void grow() {
    std::vector<T> larger(slots_.empty() ? kSlotsAtFirst : 2 * slots_.size());
    for (size_t i = 0; i < size_; ++i) larger[i] = std::move((*this)[i]);
    slots_ = std::move(larger);
    first_ = 0;
  }

  std::vector<T> slots_;  // the size is zero or a power of two
  size_t first_ = 0;
  size_t size_ = 0;
};

}  // namespace ferrum
