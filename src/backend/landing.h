// Downloads that do not wait for what is issued behind them.
#pragma once
#include <cstddef>
#include <span>
#include <vector>

#include "tensor/tensor.h"

namespace ferrum {

// Host memory where bytes of the device arrive, of one download at a time.
class Landing {
 public:
  virtual ~Landing() = default;
  Landing() = default;
  Landing(const Landing&) = delete;
  Landing& operator=(const Landing&) = delete;

  // Issues the copy of these rows, which lie without gaps and fit; asynchronous, as operations are. The bytes
  // of the download before are gone.
  virtual void begin(Tensor src) = 0;
  // Waits for the copy that was begun last and for nothing behind it. The bytes are valid until the next
  // begin().
  virtual std::span<const std::byte> wait() = 0;
};

// Of a backend that computes at once, in the host's memory.
class HostLanding final : public Landing {
 public:
  explicit HostLanding(size_t bytes) { bytes_.reserve(bytes); }

  void begin(Tensor src) override {
    const auto* const from = static_cast<const std::byte*>(src.data);
    bytes_.assign(from, from + src.bytes());
  }
  std::span<const std::byte> wait() override { return bytes_; }

 private:
  std::vector<std::byte> bytes_;
};

}  // namespace ferrum
