// Tiles of weights (tiles.h) in registers, as bf16.
#pragma once
#include "backend/cuda/device/gpu.h"
#include "backend/cuda/kernels/tiles.h"

namespace ferrum::cuda {

// The four pairs of a step, of rows (g, g + 8, g, g + 8).
struct StepPairs {
  uint32_t pair[4];
};

template <class T>
GPU_FN T at(const unsigned char* bytes, int64_t index) {
  return gpu::load(reinterpret_cast<const T*>(bytes) + index);
}

GPU_FN uint32_t bf16_pair(float low, float high) {
  return gpu::to_bf16(low) | static_cast<uint32_t>(gpu::to_bf16(high)) << 16;
}
// Of numbers that bf16 has.
GPU_FN uint32_t exact_pair(float low, float high) {
  return gpu::bits_of(low) >> 16 | (gpu::bits_of(high) & 0xffff0000u);
}

// The signed bytes of IQ4 and of twice E2M1, by four bits (tensor/formats/blocks.h).
template <Values kValues>
GPU_FN float table_value(uint32_t q) {
  constexpr uint64_t kLow = kValues == Values::kIq4 ? 0xf6eaddcfbfad9881u : 0x0c08060403020100u;
  constexpr uint64_t kHigh = kValues == Values::kIq4 ? 0x7159453526190d01u : 0xf4f8fafcfdfeff00u;
  const uint64_t table = q < 8 ? kLow : kHigh;
  return static_cast<float>(static_cast<int8_t>(table >> (8 * (q & 7))));
}

// Two whole numbers of up to seven bits in the halves of a word, less kOffset: 128 + q has q as its last bits
// in bf16.
template <int kOffset>
GPU_FN uint32_t whole_pair(uint32_t q) {
  constexpr uint32_t kMinus = 0xc300u + kOffset;  // −(128 + kOffset)
  return gpu::add_bf16x2(q | 0x43004300u, kMinus << 16 | kMinus);
}

// The whole numbers that a lane has of a step of a tile.
template <QuantFormat F>
GPU_FN StepPairs whole_numbers(const TiledWeight& w, int64_t tile, int step, int of_lane) {
  const int64_t lane = tile * 32 + of_lane;
  StepPairs a;
  if constexpr (F.low_bits == 8) {
    const gpu::Vec2 bytes = at<gpu::Vec2>(w.quants, lane * 2 + step);
#pragma unroll
    for (int j = 0; j < 4; ++j) {
      const uint32_t both = (j < 2 ? bytes.x : bytes.y) >> (16 * (j % 2));
      a.pair[j] = exact_pair(static_cast<float>(static_cast<int8_t>(both)),
                             static_cast<float>(static_cast<int8_t>(both >> 8)));
    }
    return a;
  }
  uint32_t high = 0;
  if constexpr (F.high_bits == 1) {
    const uint32_t bits = at<uint16_t>(w.high, lane);
    high = (bits & 0xffu) | (bits & 0xff00u) << 8;
  }
  if constexpr (F.high_bits == 2) high = at<uint32_t>(w.high, lane);
  const uint32_t low =
      F.low_bits == 4 ? at<uint32_t>(w.quants, lane * 2 + step) : at<uint32_t>(w.quants, lane);
#pragma unroll
  for (int j = 0; j < 4; ++j) {
    uint32_t q = F.low_bits == 4 ? low >> (4 * j) & 0x000f000fu : low >> (2 * (4 * step + j)) & 0x00030003u;
    if constexpr (F.high_bits == 1) q |= (high >> (4 * step + j) & 0x00010001u) << F.low_bits;
    if constexpr (F.high_bits == 2) q |= (high >> (2 * (4 * step + j)) & 0x00030003u) << F.low_bits;
    if constexpr (F.values == Values::kWhole)
      a.pair[j] = whole_pair<F.offset>(q);
    else
      a.pair[j] = exact_pair(table_value<F.values>(q & 15), table_value<F.values>(q >> 16));
  }
  return a;
}

// s and m of rows g and g + 8, for part `part` of the unit.
struct Scales {
  float s[2], m[2];
};
template <QuantFormat F>
GPU_FN Scales scales(const TiledWeight& w, int64_t tile, int64_t record, int part, int lane) {
  const int g = lane / 4;
  const auto number = [](uint32_t bits) {
    return F.is_exponent ? gpu::from_bf16(static_cast<uint16_t>(bits))
                         : gpu::from_f16(static_cast<uint16_t>(bits));
  };
  const uint32_t d = at<uint32_t>(w.records, F.has_m ? (record * 8 + g) * 2 : record * 8 + g);
  Scales out = {{number(d & 0xffffu), number(d >> 16)}, {0, 0}};
  if constexpr (F.has_m) {
    const uint32_t m = at<uint32_t>(w.records, (record * 8 + g) * 2 + 1);
    out.m[0] = number(m & 0xffffu);
    out.m[1] = number(m >> 16);
  } else if constexpr (F.has_minima) {
    out.m[0] = -out.s[0];
    out.m[1] = -out.s[1];
  }
  constexpr int kParts = 32 / F.per_scale;
  const int64_t first = (tile * 8 + g) * (F.sub_bytes() / 2);
  if constexpr (F.has_minima) {
    const uint32_t both = at<uint16_t>(w.subs, first + (F.has_scales ? kParts : 0) + part);
    out.m[0] *= static_cast<float>(both & 255);
    out.m[1] *= static_cast<float>(both >> 8);
  }
  if constexpr (F.has_scales) {
    const uint32_t both = at<uint16_t>(w.subs, first + part);
    out.s[0] *= static_cast<float>(static_cast<int8_t>(both));
    out.s[1] *= static_cast<float>(static_cast<int8_t>(both >> 8));
  }
  return out;
}

// Float formats: the eight values of a step, pair by pair.
template <QuantFormat F>
GPU_FN void floats(float (&v)[8], const TiledWeight& w, int64_t tile, int step, int lane) {
  if constexpr (F.values == Values::kF32) {
#pragma unroll
    for (int half = 0; half < 2; ++half) {
      const auto four = at<gpu::Vec4>(w.quants, ((tile * 2 + step) * 2 + half) * 32 + lane);
      v[4 * half] = gpu::float_of(four.x), v[4 * half + 1] = gpu::float_of(four.y);
      v[4 * half + 2] = gpu::float_of(four.z), v[4 * half + 3] = gpu::float_of(four.w);
    }
  } else {
    const auto pairs = at<gpu::Vec4>(w.quants, (tile * 2 + step) * 32 + lane);
    const uint32_t words[4] = {pairs.x, pairs.y, pairs.z, pairs.w};
#pragma unroll
    for (int j = 0; j < 4; ++j) {
      const auto low = static_cast<uint16_t>(words[j]), high = static_cast<uint16_t>(words[j] >> 16);
      v[2 * j] = F.values == Values::kF16 ? gpu::from_f16(low) : gpu::from_bf16(low);
      v[2 * j + 1] = F.values == Values::kF16 ? gpu::from_f16(high) : gpu::from_bf16(high);
    }
  }
}

// bf16 numbers whose sum a float has: how many, and the next of them, taken from `v`.
template <QuantFormat F>
inline constexpr int kBf16Parts = F.values == Values::kF32   ? 3
                                  : F.values == Values::kF16 ? 2
                                                             : 1;
GPU_FN StepPairs next_part(float (&v)[8]) {
  StepPairs a;
#pragma unroll
  for (int j = 0; j < 4; ++j) {
    a.pair[j] = bf16_pair(v[2 * j], v[2 * j + 1]);
    v[2 * j] -= gpu::float_of(a.pair[j] << 16);
    v[2 * j + 1] -= gpu::float_of(a.pair[j] & 0xffff0000u);
  }
  return a;
}

}  // namespace ferrum::cuda
