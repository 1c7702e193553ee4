// Rows of a checkpoint to panels. quads.h and sources.h tell what lies where; a panel's memory is zero
// before.
#include "backend/cpu/kernels/quads.h"
#include "tensor/formats/blocks.h"

namespace ferrum::cpu::FERRUM_ISA {
namespace {

using namespace ferrum::formats;  // NOLINT: the names of the blocks' fields' types, all of them

constexpr int kHalves = kLanes * 2;

inline uint32_t word_at(const void* p) {
  uint32_t v;
  __builtin_memcpy(&v, p, sizeof v);
  return v;
}

// One row's bytes in the registers of a block.
class Lane {
 public:
  Lane(uint8_t* block, int lane) : at_(block + 4 * lane) {}

  void put(int i, uint32_t word) const { __builtin_memcpy(at_ + i * kRegister, &word, sizeof word); }

  // From eight quads, of which the bits that do not belong to them are zero.
  void put_nibbles(const uint32_t (&quads)[8]) const {
    for (int j = 0; j < 4; ++j) put(j, quads[j] | quads[j + 4] << 4);
  }
  void put_pairs_of_bits(int first, const uint32_t (&quads)[8]) const {
    for (int j = 0; j < 2; ++j)
      put(first + j, quads[4 * j] | quads[4 * j + 1] << 2 | quads[4 * j + 2] << 4 | quads[4 * j + 3] << 6);
  }
  void put_bits(int at, const uint32_t (&quads)[8]) const {
    uint32_t all = 0;
    for (int i = 0; i < 8; ++i) all |= quads[i] << i;
    put(at, all);
  }

 private:
  uint8_t* at_;
};

inline void put_half(uint8_t* halves, int lane, uint16_t half) {
  __builtin_memcpy(halves + 2 * lane, &half, sizeof half);
}

// pack(block, lane of its registers, its scales in the span, lane) for all blocks of 32 of all rows. The
// scales of block b stand kScaleBytes × lanes × b behind the quants of the span.
template <class Block, int kRegisters, int kScaleBytes, class Pack>
inline void pack_small_blocks(const uint8_t* const* rows, int cols, uint8_t* panel, const Pack& pack) {
  const int all = cols / kBlock;
  for (int first = 0; first < all; first += kBlocks) {
    const int blocks = all - first < kBlocks ? all - first : kBlocks;
    uint8_t* scales = panel + blocks * kRegisters * kRegister;
    for (int lane = 0; lane < kLanes; ++lane) {
      if (rows[lane] == nullptr) continue;
      const auto* row = reinterpret_cast<const Block*>(rows[lane]) + first;
      for (int b = 0; b < blocks; ++b)
        pack(row[b], Lane(panel + b * kRegisters * kRegister, lane), scales, b, blocks, lane);
    }
    panel = scales + blocks * kScaleBytes * kLanes;
  }
}

// pack(block, quants, what stands behind them, lane) for all blocks of 256 of all rows.
template <class Block, int kRegisters, class Pack>
inline void pack_super_blocks(const uint8_t* const* rows, int cols, uint8_t* panel, const Pack& pack) {
  for (int i = 0; i < cols / kSpan; ++i) {
    for (int lane = 0; lane < kLanes; ++lane) {
      if (rows[lane] == nullptr) continue;
      const auto& block = reinterpret_cast<const Block*>(rows[lane])[i];
      pack(block, panel, panel + kBlocks * kRegisters * kRegister, lane);
    }
    panel += sizeof(Block) * kLanes;
  }
}

// Nibbles placed as in Q4_0 are quad j low and quad j + 4 high already.
template <class Block>
inline void put_halves_of_nibbles(const Block& block, const Lane& to) {
  for (int j = 0; j < 4; ++j) to.put(j, word_at(block.quants + 4 * j));
}

// Bit i of `bits` is that of column i.
inline void put_high_bits(uint32_t bits, const Lane& to) {
  uint32_t quads[8];
  for (int i = 0; i < 8; ++i) quads[i] = ((bits >> (4 * i) & 15) * 0x00204081U) & 0x01010101U;
  to.put_bits(4, quads);
}

template <class Block>
inline void pack_nibbles_with_scale(const uint8_t* const* rows, int cols, uint8_t* panel) {
  pack_small_blocks<Block, 4, 2>(
      rows, cols, panel, [](const Block& block, const Lane& to, uint8_t* scales, int b, int, int lane) {
        put_halves_of_nibbles(block, to);
        put_half(scales + b * kHalves, lane, block.d);
      });
}

// Sixteen numbers of six bits, as SixBitNumbers takes them out.
inline void put_six_bits(const uint8_t (&numbers)[16], uint8_t* registers, int lane) {
  for (int r = 0; r < 3; ++r) {
    uint32_t word = 0;
    for (int k = 0; k < 4; ++k)
      word |= static_cast<uint32_t>(numbers[4 * r + k] | (numbers[12 + k] >> (2 * r) & 3) << 6) << (8 * k);
    Lane(registers, lane).put(r, word);
  }
}

template <class Block>
inline void put_scales_and_mins(const Block& block, uint8_t* behind, int lane) {
  uint8_t numbers[16];
  for (int i = 0; i < 4; ++i) {  // as formats::scales_and_mins
    numbers[i] = block.scales[i] & 63;
    numbers[8 + i] = block.scales[4 + i] & 63;
    numbers[4 + i] = static_cast<uint8_t>((block.scales[8 + i] & 15) | block.scales[i] >> 6 << 4);
    numbers[12 + i] = static_cast<uint8_t>(block.scales[8 + i] >> 4 | block.scales[4 + i] >> 6 << 4);
  }
  put_six_bits(numbers, behind, lane);
  put_half(behind + 3 * kRegister, lane, block.d);
  put_half(behind + 3 * kRegister + kHalves, lane, block.dmin);
}

// The quads of sub-block s among nibbles placed 32 low, then 32 high, 64 columns at a time (Q4_K, Q5_K).
inline void nibble_quads(const uint8_t* quants, int s, uint32_t (&quads)[8]) {
  for (int i = 0; i < 8; ++i)
    quads[i] = word_at(quants + 32 * (s / 2) + 4 * i) >> (4 * (s % 2)) & 0x0F0F0F0FU;
}
// The quads of sub-block s among pairs of bits, 128 columns at a time in 32 bytes (Q2_K, Q3_K, Q6_K's upper).
inline void pair_quads(const uint8_t* bits, int s, uint32_t (&quads)[8]) {
  for (int i = 0; i < 8; ++i) quads[i] = word_at(bits + 32 * (s / 4) + 4 * i) >> (2 * (s % 4)) & 0x03030303U;
}
// The quads of sub-block s among 32 bytes, each of which has a bit for every sub-block.
inline void bit_quads(const uint8_t* bits, int s, uint32_t (&quads)[8]) {
  for (int i = 0; i < 8; ++i) quads[i] = word_at(bits + 4 * i) >> s & 0x01010101U;
}

template <int kColumnBytes>
inline void pack_columns(const uint8_t* const* rows, int cols, uint8_t* panel) {
  for (int lane = 0; lane < kLanes; ++lane) {
    if (rows[lane] == nullptr) continue;
    for (int64_t i = 0; i < cols; ++i)
      __builtin_memcpy(panel + (i * kLanes + lane) * kColumnBytes, rows[lane] + i * kColumnBytes,
                       kColumnBytes);
  }
}

}  // namespace

void pack_f32(const uint8_t* const* rows, int cols, uint8_t* panel) { pack_columns<4>(rows, cols, panel); }
void pack_f16(const uint8_t* const* rows, int cols, uint8_t* panel) { pack_columns<2>(rows, cols, panel); }
void pack_bf16(const uint8_t* const* rows, int cols, uint8_t* panel) {
  pack_columns<4>(rows, cols / 2, panel);  // two at a time
  if (cols % 2 == 0) return;
  for (int lane = 0; lane < kLanes; ++lane)
    if (rows[lane] != nullptr)
      __builtin_memcpy(panel + static_cast<int64_t>(cols / 2) * kRegister + 4 * lane,
                       rows[lane] + static_cast<int64_t>(cols - 1) * 2, 2);
}

void pack_q4_0(const uint8_t* const* rows, int cols, uint8_t* panel) {
  pack_nibbles_with_scale<BlockQ4_0>(rows, cols, panel);
}
void pack_iq4_nl(const uint8_t* const* rows, int cols, uint8_t* panel) {
  pack_nibbles_with_scale<BlockIQ4_NL>(rows, cols, panel);
}

void pack_q4_1(const uint8_t* const* rows, int cols, uint8_t* panel) {
  pack_small_blocks<BlockQ4_1, 4, 4>(
      rows, cols, panel,
      [](const BlockQ4_1& block, const Lane& to, uint8_t* scales, int b, int blocks, int lane) {
        put_halves_of_nibbles(block, to);
        put_half(scales + b * kHalves, lane, block.d);
        put_half(scales + (blocks + b) * kHalves, lane, block.m);
      });
}

void pack_q5_0(const uint8_t* const* rows, int cols, uint8_t* panel) {
  pack_small_blocks<BlockQ5_0, 5, 2>(
      rows, cols, panel, [](const BlockQ5_0& block, const Lane& to, uint8_t* scales, int b, int, int lane) {
        put_halves_of_nibbles(block, to);
        put_high_bits(block.high_bits, to);
        put_half(scales + b * kHalves, lane, block.d);
      });
}

void pack_q5_1(const uint8_t* const* rows, int cols, uint8_t* panel) {
  pack_small_blocks<BlockQ5_1, 5, 4>(
      rows, cols, panel,
      [](const BlockQ5_1& block, const Lane& to, uint8_t* scales, int b, int blocks, int lane) {
        put_halves_of_nibbles(block, to);
        put_high_bits(block.high_bits, to);
        put_half(scales + b * kHalves, lane, block.d);
        put_half(scales + (blocks + b) * kHalves, lane, block.m);
      });
}

void pack_q8_0(const uint8_t* const* rows, int cols, uint8_t* panel) {
  constexpr uint32_t kFlip = kWideOffset == 128 ? 0x80808080U : 0;  // adds 128 to each byte
  pack_small_blocks<BlockQ8_0, 8, 2>(
      rows, cols, panel, [](const BlockQ8_0& block, const Lane& to, uint8_t* scales, int b, int, int lane) {
        for (int i = 0; i < 8; ++i) to.put(i, word_at(block.quants + 4 * i) ^ kFlip);
        put_half(scales + b * kHalves, lane, block.d);
      });
}

void pack_mxfp4(const uint8_t* const* rows, int cols, uint8_t* panel) {
  pack_small_blocks<BlockMXFP4, 4, 1>(
      rows, cols, panel, [](const BlockMXFP4& block, const Lane& to, uint8_t* scales, int b, int, int lane) {
        put_halves_of_nibbles(block, to);
        scales[b * kLanes + lane] = block.exponent;
      });
}

void pack_q4_k(const uint8_t* const* rows, int cols, uint8_t* panel) {
  pack_super_blocks<BlockQ4_K, 4>(rows, cols, panel,
                                  [](const BlockQ4_K& block, uint8_t* quants, uint8_t* behind, int lane) {
                                    for (int s = 0; s < kBlocks; ++s) {
                                      uint32_t quads[8];
                                      nibble_quads(block.quants, s, quads);
                                      Lane(quants + s * 4 * kRegister, lane).put_nibbles(quads);
                                    }
                                    put_scales_and_mins(block, behind, lane);
                                  });
}

void pack_q5_k(const uint8_t* const* rows, int cols, uint8_t* panel) {
  pack_super_blocks<BlockQ5_K, 5>(rows, cols, panel,
                                  [](const BlockQ5_K& block, uint8_t* quants, uint8_t* behind, int lane) {
                                    for (int s = 0; s < kBlocks; ++s) {
                                      const Lane to(quants + s * 5 * kRegister, lane);
                                      uint32_t quads[8];
                                      nibble_quads(block.quants, s, quads);
                                      to.put_nibbles(quads);
                                      bit_quads(block.high_bits, s, quads);
                                      to.put_bits(4, quads);
                                    }
                                    put_scales_and_mins(block, behind, lane);
                                  });
}

void pack_q6_k(const uint8_t* const* rows, int cols, uint8_t* panel) {
  pack_super_blocks<BlockQ6_K, 6>(rows, cols, panel,
                                  [](const BlockQ6_K& block, uint8_t* quants, uint8_t* behind, int lane) {
                                    for (int s = 0; s < kBlocks; ++s) {
                                      const Lane to(quants + s * 6 * kRegister, lane);
                                      const uint8_t* low = block.low + 64 * (s / 4) + 32 * (s % 2);
                                      uint32_t quads[8];
                                      for (int i = 0; i < 8; ++i)
                                        quads[i] = word_at(low + 4 * i) >> (4 * (s % 4 / 2)) & 0x0F0F0F0FU;
                                      to.put_nibbles(quads);
                                      pair_quads(block.high, s, quads);
                                      to.put_pairs_of_bits(4, quads);
                                    }
                                    for (int r = 0; r < 4; ++r)
                                      Lane(behind, lane).put(r, word_at(block.scales + 4 * r));
                                    put_half(behind + 4 * kRegister, lane, block.d);
                                  });
}

void pack_q3_k(const uint8_t* const* rows, int cols, uint8_t* panel) {
  pack_super_blocks<BlockQ3_K, 3>(
      rows, cols, panel, [](const BlockQ3_K& block, uint8_t* quants, uint8_t* behind, int lane) {
        for (int s = 0; s < kBlocks; ++s) {
          const Lane to(quants + s * 3 * kRegister, lane);
          uint32_t quads[8];
          pair_quads(block.quants, s, quads);
          to.put_pairs_of_bits(0, quads);
          bit_quads(block.high_bits, s, quads);
          to.put_bits(2, quads);
        }
        uint8_t numbers[16];
        for (int i = 0; i < 16; ++i) {  // as formats::q3_k_scales
          const int low = i < 8 ? block.scales[i] & 15 : block.scales[i - 8] >> 4;
          numbers[i] = static_cast<uint8_t>(low | (block.scales[8 + i % 4] >> (2 * (i / 4)) & 3) << 4);
        }
        put_six_bits(numbers, behind, lane);
        put_half(behind + 3 * kRegister, lane, block.d);
      });
}

void pack_q2_k(const uint8_t* const* rows, int cols, uint8_t* panel) {
  pack_super_blocks<BlockQ2_K, 2>(rows, cols, panel,
                                  [](const BlockQ2_K& block, uint8_t* quants, uint8_t* behind, int lane) {
                                    for (int s = 0; s < kBlocks; ++s) {
                                      uint32_t quads[8];
                                      pair_quads(block.quants, s, quads);
                                      Lane(quants + s * 2 * kRegister, lane).put_pairs_of_bits(0, quads);
                                    }
                                    for (int r = 0; r < 4; ++r)
                                      Lane(behind, lane).put(r, word_at(block.scales + 4 * r));
                                    put_half(behind + 4 * kRegister, lane, block.d);
                                    put_half(behind + 4 * kRegister + kHalves, lane, block.dmin);
                                  });
}

void pack_iq4_xs(const uint8_t* const* rows, int cols, uint8_t* panel) {
  pack_super_blocks<BlockIQ4_XS, 4>(
      rows, cols, panel, [](const BlockIQ4_XS& block, uint8_t* quants, uint8_t* behind, int lane) {
        for (int s = 0; s < kBlocks; ++s)
          for (int j = 0; j < 4; ++j)
            Lane(quants + s * 4 * kRegister, lane).put(j, word_at(block.quants + 16 * s + 4 * j));
        Lane(behind, lane).put(0, word_at(block.scales_low));
        put_half(behind + kRegister, lane, block.scales_high);
        put_half(behind + kRegister + kHalves, lane, block.d);
      });
}

}  // namespace ferrum::cpu::FERRUM_ISA
