// Random weights of any format, generated where they are needed at memory speed: for models of a real shape
// without the real weights.
#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "tensor/format.h"

namespace ferrum::formats {

// A tensor of random blocks whose decoded values are finite and have mean 0 and the given standard deviation.
// Block i's bytes are a function of (format, deviation, seed, tensor name, i) alone, so threads may generate
// any parts of it in any order. The quants are uniform random bits; scales vary from block to block by up to
// a third. Immutable after construction.
class RandomBlocks {
 public:
  struct Key {
    uint64_t seed = 0;
    std::string_view tensor;
  };

  // Requires a deviation of 1e-4 … 100, so that the scales are neither zero nor infinite in binary16.
  RandomBlocks(Format format, float deviation, const Key& key);

  // Fills `out`, a whole number of blocks (for the float formats, of values), with the blocks from `first`
  // on.
  void fill(std::span<std::byte> out, uint64_t first) const;

 private:
  struct Scale {
    uint16_t d = 0;    // binary16; for MXFP4 the exponent
    uint16_t min = 0;  // binary16: m or dmin, if the format has one
  };

  void make_scales(double unit_deviation, double min_per_d);
  void make_exponents(double unit_deviation);

  Format format_;
  float deviation_;
  uint64_t key_;
  std::array<Scale, 256> scales_{};  // each block draws one of these
};

}  // namespace ferrum::formats
