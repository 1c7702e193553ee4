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

// Signed bytes by three or four bits, and a power of two that they are multiplied with: of IQ4 and of twice
// E2M1 (tensor/formats/blocks.h), and of the coded formats (coded.h).
struct ValueTable {
  uint64_t low, high;  // entries 0–7 and 8–15
  float unit;
};
constexpr ValueTable table_of(Values values) {
  switch (values) {
    case Values::kIq4:
      return {0xf6eaddcfbfad9881u, 0x7159453526190d01u, 1};
    case Values::kMxfp4:
      return {0x0c08060403020100u, 0xf4f8fafcfdfeff00u, 1};
    case Values::kIq1:
      return {0x0007fff7000901f9u, 0x0000000000000000u, 0.125f};
    case Values::kIq2:
      return {0x00d5e7f8002b1908u, 0x0000000000000000u, 0.125f};
    case Values::kIq3Xxs:
      return {0x3e342c241c140c04u, 0xc2ccd4dce4ecf4fcu, 0.25f};
    case Values::kIq3S:
      return {0x0f0d0b0907050301u, 0xf1f3f5f7f9fbfdffu, 1};
    default:
      return {0, 0, 0};
  }
}
template <Values kValues>
GPU_FN float table_value(uint32_t q) {
  constexpr ValueTable kTable = table_of(kValues);
  const uint64_t table = kTable.high == 0 || q < 8 ? kTable.low : kTable.high;
  return static_cast<float>(static_cast<int8_t>(table >> (8 * (q & 7)))) * kTable.unit;
}

// Two whole numbers of up to seven bits in the halves of a word, less kOffset: 128 + q has q as its last bits
// in bf16.
template <int kOffset>
GPU_FN uint32_t whole_pair(uint32_t q) {
  constexpr uint32_t kMinus = 0xc300u + kOffset;  // −(128 + kOffset)
  return gpu::add_bf16x2(q | 0x43004300u, kMinus << 16 | kMinus);
}

// What a lane has of a tile, as it lies in memory: loaded long before it is used.
template <QuantFormat F>
struct RawTile {
  uint32_t quants[F.low_bits / 2];
  uint32_t high;
  uint32_t d, m;  // of rows g and g + 8
  uint32_t scale,
      minimum;  // bytes of rows g and g + 8, for each part of the unit; both in one where they fit
};
// Where the bytes of a tile begin.
struct TilePlace {
  const unsigned char *quants, *high, *records, *subs;
};
template <QuantFormat F>
GPU_FN TilePlace place_of(const TiledWeight& w, int group, int row_tile, int unit) {
  const int64_t tile = w.tile(group, row_tile, unit);
  if constexpr (F.is_float()) return {w.quants + tile * (F.low_bits * 64), nullptr, nullptr, nullptr};
  return {w.quants + tile * (F.low_bits * 64), w.high + tile * (F.high_bits * 64),
          w.records + w.record(group, row_tile, unit) * (8 * F.record_bytes()),
          w.subs + tile * (8 * F.sub_bytes())};
}
template <QuantFormat F>
GPU_FN RawTile<F> load_tile(const TilePlace& from, int lane) {
  RawTile<F> raw = {};
  if constexpr (F.low_bits == 2) raw.quants[0] = at<uint32_t>(from.quants, lane);
  if constexpr (F.low_bits == 4) {
    const auto two = at<gpu::Vec2>(from.quants, lane);
    raw.quants[0] = two.x, raw.quants[1] = two.y;
  }
  if constexpr (F.low_bits >= 8) {
#pragma unroll
    for (int run = 0; run < F.low_bits / 8; ++run) {
      const auto four = at<gpu::Vec4>(from.quants, run * 32 + lane);
      raw.quants[4 * run] = four.x, raw.quants[4 * run + 1] = four.y;
      raw.quants[4 * run + 2] = four.z, raw.quants[4 * run + 3] = four.w;
    }
  }
  if constexpr (F.high_bits == 1) raw.high = at<uint16_t>(from.high, lane);
  if constexpr (F.high_bits == 2) raw.high = at<uint32_t>(from.high, lane);
  if constexpr (F.is_float()) return raw;
  if constexpr (F.has_m) {
    const auto two = at<gpu::Vec2>(from.records, lane / 4);
    raw.d = two.x, raw.m = two.y;
  } else {
    raw.d = at<uint32_t>(from.records, lane / 4);
  }
  if constexpr (F.sub_bytes() == 8) {
    const auto two = at<gpu::Vec2>(from.subs, lane / 4);
    raw.scale = two.x, raw.minimum = two.y;
  } else if constexpr (F.sub_bytes() == 4) {
    raw.scale = at<uint32_t>(from.subs, lane / 4);
  } else if constexpr (F.sub_bytes() == 2) {
    raw.scale = at<uint16_t>(from.subs, lane / 4);
  }
  return raw;
}

// The whole numbers of a step.
template <QuantFormat F>
GPU_FN StepPairs whole_numbers(const RawTile<F>& raw, int step) {
  StepPairs a;
  if constexpr (F.low_bits == 8) {
#pragma unroll
    for (int j = 0; j < 4; ++j) {
      const uint32_t both = raw.quants[step * 2 + j / 2] >> (16 * (j % 2));
      a.pair[j] = exact_pair(static_cast<float>(static_cast<int8_t>(both)),
                             static_cast<float>(static_cast<int8_t>(both >> 8)));
    }
    return a;
  }
  uint32_t high = raw.high;
  if constexpr (F.high_bits == 1) high = (high & 0xffu) | (high & 0xff00u) << 8;
#pragma unroll
  for (int j = 0; j < 4; ++j) {
    uint32_t q = F.low_bits == 4 ? raw.quants[step % (F.low_bits / 2)] >> (4 * j) & 0x000f000fu
                                 : raw.quants[0] >> (2 * (4 * step + j)) & 0x00030003u;
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
GPU_FN Scales scales(const RawTile<F>& raw, int part) {
  const auto number = [](uint32_t bits) {
    return F.is_exponent ? gpu::from_bf16(static_cast<uint16_t>(bits))
                         : gpu::from_f16(static_cast<uint16_t>(bits));
  };
  Scales out = {{number(raw.d & 0xffffu), number(raw.d >> 16)}, {0, 0}};
  if constexpr (F.has_m) {
    out.m[0] = number(raw.m & 0xffffu);
    out.m[1] = number(raw.m >> 16);
  } else if constexpr (F.has_minima) {
    out.m[0] = -out.s[0];
    out.m[1] = -out.s[1];
  }
  if constexpr (F.has_minima) {
    const uint32_t minimum = F.sub_bytes() == 8 ? raw.minimum : F.has_scales ? raw.scale >> 16 : raw.scale;
    out.m[0] *= static_cast<float>(minimum >> (16 * part) & 255);
    out.m[1] *= static_cast<float>(minimum >> (16 * part + 8) & 255);
  }
  if constexpr (F.has_scales) {
    out.s[0] *= static_cast<float>(static_cast<int8_t>(raw.scale >> (16 * part)));
    out.s[1] *= static_cast<float>(static_cast<int8_t>(raw.scale >> (16 * part + 8)));
  }
  return out;
}

// Float formats: the eight values of a step, pair by pair.
template <QuantFormat F>
GPU_FN void floats(float (&v)[8], const RawTile<F>& raw, int step) {
#pragma unroll
  for (int i = 0; i < 8; ++i) {
    if constexpr (F.values == Values::kF32) {
      v[i] = gpu::float_of(raw.quants[8 * step + i]);
    } else {
      const auto half = static_cast<uint16_t>(raw.quants[4 * step + i / 2] >> (16 * (i % 2)));
      v[i] = F.values == Values::kF16 ? gpu::from_f16(half) : gpu::from_bf16(half);
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
