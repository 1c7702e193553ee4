// Packs rows of a checkpoint into panels, one word of all rows at a time. quads.h and sources.h define the
// layout.
#include "backend/cpu/kernels/quads.h"
#include "tensor/formats/blocks.h"

namespace ferrum::cpu::FERRUM_ISA {
namespace {

using namespace ferrum::formats;  // the types of the blocks' fields

constexpr int kHalves = kLanes * 2;

// The rows of a panel. Past the last row the first one is repeated; its results are discarded.
class Rows {
 public:
  explicit Rows(const uint8_t* const* rows) {
    for (int lane = 0; lane < kLanes; ++lane) rows_[lane] = rows[lane] == nullptr ? rows[0] : rows[lane];
  }

  // Four bytes of each row.
  I32 words(int64_t offset) const {
    // Without gather instructions, which are several times slower where Downfall is mitigated.
    I32 words;
    for (int lane = 0; lane < kLanes; ++lane) {
      int32_t word;
      __builtin_memcpy(&word, rows_[lane] + offset, sizeof word);
      words[lane] = word;
    }
    return words;
  }

  // `kBytes` of each row, row after row.
  template <int kBytes>
  void copy(int64_t offset, uint8_t* to) const {
    for (int lane = 0; lane < kLanes; ++lane)
      __builtin_memcpy(to + kBytes * lane, rows_[lane] + offset, kBytes);
  }

 private:
  alignas(64) const uint8_t* rows_[kLanes];
};

// The registers of a block.
class Registers {
 public:
  explicit Registers(uint8_t* at) : at_(at) {}

  void put(int i, I32 words) const { store_register(at_ + i * kRegister, words); }

  // From eight quads whose other bits are zero.
  void put_nibbles(const I32 (&quads)[8]) const {
    for (int j = 0; j < 4; ++j) put(j, quads[j] | quads[j + 4] << 4);
  }
  void put_pairs_of_bits(int first, const I32 (&quads)[8]) const {
    for (int j = 0; j < 2; ++j)
      put(first + j, quads[4 * j] | quads[4 * j + 1] << 2 | quads[4 * j + 2] << 4 | quads[4 * j + 3] << 6);
  }
  void put_bits(int at, const I32 (&quads)[8]) const {
    I32 all = quads[0];
    for (int i = 1; i < 8; ++i) all |= quads[i] << i;
    put(at, all);
  }

  // Sixteen six-bit numbers, given as four words of four, in the layout that SixBitNumbers reads.
  void put_six_bits(const I32 (&numbers)[4]) const {
    for (int r = 0; r < 3; ++r) put(r, numbers[r] | (numbers[3] >> (2 * r) & 0x03030303) << 6);
  }

 private:
  uint8_t* at_;
};

// Calls pack(offset of the block in the rows, its registers, the scales of the span, b) for all blocks of 32.
// The scales of block b are at kScaleBytes × lanes × b after the quants of the span.
template <class Block, int kRegisters, int kScaleBytes, class Pack>
inline void pack_small_blocks(int cols, uint8_t* panel, const Pack& pack) {
  const int all = cols / kBlock;
  for (int first = 0; first < all; first += kBlocks) {
    const int blocks = all - first < kBlocks ? all - first : kBlocks;
    uint8_t* scales = panel + blocks * kRegisters * kRegister;
    for (int b = 0; b < blocks; ++b)
      pack(int64_t{first + b} * static_cast<int64_t>(sizeof(Block)),
           Registers(panel + b * kRegisters * kRegister), scales, b, blocks);
    panel = scales + blocks * kScaleBytes * kLanes;
  }
}

// Calls pack(offset of the block in the rows, its quants, what follows them) for all blocks of 256.
template <class Block, int kRegisters, class Pack>
inline void pack_super_blocks(int cols, uint8_t* panel, const Pack& pack) {
  for (int i = 0; i < cols / kSpan; ++i) {
    pack(int64_t{i} * static_cast<int64_t>(sizeof(Block)), panel, panel + kBlocks * kRegisters * kRegister);
    panel += sizeof(Block) * kLanes;
  }
}

// Calls pack(offset of the group in the rows, its quants, scales, zeros) for all groups of a BlockG4. The
// scales of a span's groups follow its quants, then their zeros.
template <class Block, class Pack>
inline void pack_groups(int cols, uint8_t* panel, const Pack& pack) {
  constexpr int kValues = static_cast<int>(sizeof(Block::quants)) * 2;
  constexpr int kMost = kSpan / kValues;
  constexpr int kQuantBytes = kValues / kBlock * 4 * kRegister;
  const int all = cols / kValues;
  for (int first = 0; first < all; first += kMost) {
    const int groups = all - first < kMost ? all - first : kMost;
    uint8_t* scales = panel + groups * kQuantBytes;
    uint8_t* zeros = scales + groups * kHalves;
    for (int g = 0; g < groups; ++g)
      pack(int64_t{first + g} * static_cast<int64_t>(sizeof(Block)), panel + g * kQuantBytes,
           scales + g * kHalves, zeros + g * kLanes);
    panel = zeros + groups * kLanes;
  }
}

// Nibbles in the layout of Q4_0 are quad j low and quad j + 4 high already.
inline void put_halves_of_nibbles(const Rows& rows, int64_t quants, const Registers& to) {
  for (int j = 0; j < 4; ++j) to.put(j, rows.words(quants + 4 * j));
}

// Bit i of `bits` belongs to column i.
inline void put_high_bits(I32 bits, const Registers& to) {
  I32 quads[8];
  for (int i = 0; i < 8; ++i) quads[i] = (bits >> (4 * i) & 15) * 0x00204081 & 0x01010101;
  to.put_bits(4, quads);
}

template <class Block>
inline void pack_nibbles_with_scale(const Rows& rows, int cols, uint8_t* panel) {
  pack_small_blocks<Block, 4, 2>(cols, panel,
                                 [&](int64_t at, const Registers& to, uint8_t* scales, int b, int) {
                                   put_halves_of_nibbles(rows, at + offsetof(Block, quants), to);
                                   rows.copy<2>(at, scales + b * kHalves);
                                 });
}

template <class Block>
inline void pack_g4(const Rows& rows, int cols, uint8_t* panel) {
  pack_groups<Block>(cols, panel, [&](int64_t at, uint8_t* quants, uint8_t* scales, uint8_t* zeros) {
    for (int b = 0; b * 16 < static_cast<int>(sizeof(Block::quants)); ++b)
      put_halves_of_nibbles(rows, at + static_cast<int64_t>(offsetof(Block, quants)) + 16 * b,
                            Registers(quants + b * 4 * kRegister));
    rows.copy<2>(at, scales);
    rows.copy<1>(at + static_cast<int64_t>(offsetof(Block, zero)), zeros);
  });
}

// As formats::scales_and_mins.
template <class Block>
inline void put_scales_and_mins(const Rows& rows, int64_t at, uint8_t* behind) {
  I32 packed[3];
  for (int i = 0; i < 3; ++i)
    packed[i] = rows.words(at + static_cast<int64_t>(offsetof(Block, scales)) + 4 * i);
  const I32 numbers[4] = {
      packed[0] & 0x3F3F3F3F,
      (packed[2] & 0x0F0F0F0F) | (packed[0] >> 6 & 0x03030303) << 4,
      packed[1] & 0x3F3F3F3F,
      (packed[2] >> 4 & 0x0F0F0F0F) | (packed[1] >> 6 & 0x03030303) << 4,
  };
  Registers(behind).put_six_bits(numbers);
  rows.copy<2>(at + static_cast<int64_t>(offsetof(Block, d)), behind + 3 * kRegister);
  rows.copy<2>(at + static_cast<int64_t>(offsetof(Block, dmin)), behind + 3 * kRegister + kHalves);
}

constexpr int kNibbles = 0x0F0F0F0F;
constexpr int kPairs = 0x03030303;
constexpr int kBits = 0x01010101;

// The quads in 32 bytes of each row, at the same bits of every byte.
template <int kMask>
inline void quads_of(const Rows& rows, int64_t bytes, int shift, I32 (&quads)[8]) {
  for (int i = 0; i < 8; ++i) quads[i] = rows.words(bytes + 4 * i) >> shift & kMask;
}

inline void pack_words(const Rows& rows, int words, uint8_t* panel) {
  for (int64_t i = 0; i < words; ++i) store_register(panel + i * kRegister, rows.words(4 * i));
}

}  // namespace

void pack_f32(const uint8_t* const* rows, int cols, uint8_t* panel) { pack_words(Rows(rows), cols, panel); }

void pack_f16(const uint8_t* const* rows, int cols, uint8_t* panel) {
  const Rows from(rows);
  for (int64_t i = 0; i < cols; ++i) from.copy<2>(2 * i, panel + i * kHalves);
}

void pack_bf16(const uint8_t* const* rows, int cols, uint8_t* panel) {
  const Rows from(rows);
  pack_words(from, cols / 2, panel);  // two at a time
  if (cols % 2 == 0) return;
  uint8_t last[kHalves];
  from.copy<2>(int64_t{cols - 1} * 2, last);
  for (int lane = 0; lane < kLanes; ++lane)
    __builtin_memcpy(panel + int64_t{cols / 2} * kRegister + 4 * lane, last + 2 * lane, 2);
}

void pack_q4_0(const uint8_t* const* rows, int cols, uint8_t* panel) {
  pack_nibbles_with_scale<BlockQ4_0>(Rows(rows), cols, panel);
}
void pack_iq4_nl(const uint8_t* const* rows, int cols, uint8_t* panel) {
  pack_nibbles_with_scale<BlockIQ4_NL>(Rows(rows), cols, panel);
}

void pack_q4_1(const uint8_t* const* rows, int cols, uint8_t* panel) {
  const Rows from(rows);
  pack_small_blocks<BlockQ4_1, 4, 4>(
      cols, panel, [&](int64_t at, const Registers& to, uint8_t* scales, int b, int blocks) {
        put_halves_of_nibbles(from, at + offsetof(BlockQ4_1, quants), to);
        from.copy<2>(at, scales + b * kHalves);
        from.copy<2>(at + offsetof(BlockQ4_1, m), scales + (blocks + b) * kHalves);
      });
}

void pack_q5_0(const uint8_t* const* rows, int cols, uint8_t* panel) {
  const Rows from(rows);
  pack_small_blocks<BlockQ5_0, 5, 2>(cols, panel,
                                     [&](int64_t at, const Registers& to, uint8_t* scales, int b, int) {
                                       put_halves_of_nibbles(from, at + offsetof(BlockQ5_0, quants), to);
                                       put_high_bits(from.words(at + offsetof(BlockQ5_0, high_bits)), to);
                                       from.copy<2>(at, scales + b * kHalves);
                                     });
}

void pack_q5_1(const uint8_t* const* rows, int cols, uint8_t* panel) {
  const Rows from(rows);
  pack_small_blocks<BlockQ5_1, 5, 4>(
      cols, panel, [&](int64_t at, const Registers& to, uint8_t* scales, int b, int blocks) {
        put_halves_of_nibbles(from, at + offsetof(BlockQ5_1, quants), to);
        put_high_bits(from.words(at + offsetof(BlockQ5_1, high_bits)), to);
        from.copy<2>(at, scales + b * kHalves);
        from.copy<2>(at + offsetof(BlockQ5_1, m), scales + (blocks + b) * kHalves);
      });
}

void pack_q8_0(const uint8_t* const* rows, int cols, uint8_t* panel) {
  constexpr int kFlip = kWideOffset == 128 ? static_cast<int>(0x80808080U) : 0;  // adds 128 to each byte
  const Rows from(rows);
  pack_small_blocks<BlockQ8_0, 8, 2>(
      cols, panel, [&](int64_t at, const Registers& to, uint8_t* scales, int b, int) {
        for (int i = 0; i < 8; ++i) to.put(i, from.words(at + offsetof(BlockQ8_0, quants) + 4 * i) ^ kFlip);
        from.copy<2>(at, scales + b * kHalves);
      });
}

void pack_mxfp4(const uint8_t* const* rows, int cols, uint8_t* panel) {
  const Rows from(rows);
  pack_small_blocks<BlockMXFP4, 4, 1>(cols, panel,
                                      [&](int64_t at, const Registers& to, uint8_t* scales, int b, int) {
                                        put_halves_of_nibbles(from, at + offsetof(BlockMXFP4, quants), to);
                                        from.copy<1>(at, scales + b * kLanes);
                                      });
}

void pack_g4_32(const uint8_t* const* rows, int cols, uint8_t* panel) {
  pack_g4<BlockG4_32>(Rows(rows), cols, panel);
}
void pack_g4_64(const uint8_t* const* rows, int cols, uint8_t* panel) {
  pack_g4<BlockG4_64>(Rows(rows), cols, panel);
}
void pack_g4_128(const uint8_t* const* rows, int cols, uint8_t* panel) {
  pack_g4<BlockG4_128>(Rows(rows), cols, panel);
}

void pack_q4_k(const uint8_t* const* rows, int cols, uint8_t* panel) {
  const Rows from(rows);
  pack_super_blocks<BlockQ4_K, 4>(cols, panel, [&](int64_t at, uint8_t* quants, uint8_t* behind) {
    const int64_t nibbles = at + offsetof(BlockQ4_K, quants);
    for (int pair = 0; pair < kBlocks / 2; ++pair) {
      const Registers low(quants + 2 * pair * 4 * kRegister);
      const Registers high(quants + (2 * pair + 1) * 4 * kRegister);
      for (int j = 0; j < 4; ++j) {
        const I32 first = from.words(nibbles + 32 * pair + 4 * j);
        const I32 second = from.words(nibbles + 32 * pair + 4 * (j + 4));
        low.put(j, (first & kNibbles) | (second & kNibbles) << 4);
        high.put(j, (first >> 4 & kNibbles) | (second >> 4 & kNibbles) << 4);
      }
    }
    put_scales_and_mins<BlockQ4_K>(from, at, behind);
  });
}

void pack_q5_k(const uint8_t* const* rows, int cols, uint8_t* panel) {
  const Rows from(rows);
  pack_super_blocks<BlockQ5_K, 5>(cols, panel, [&](int64_t at, uint8_t* quants, uint8_t* behind) {
    for (int s = 0; s < kBlocks; ++s) {
      const Registers to(quants + s * 5 * kRegister);
      I32 quads[8];
      quads_of<kNibbles>(from, at + offsetof(BlockQ5_K, quants) + 32 * (s / 2), 4 * (s % 2), quads);
      to.put_nibbles(quads);
      quads_of<kBits>(from, at + offsetof(BlockQ5_K, high_bits), s, quads);
      to.put_bits(4, quads);
    }
    put_scales_and_mins<BlockQ5_K>(from, at, behind);
  });
}

void pack_q6_k(const uint8_t* const* rows, int cols, uint8_t* panel) {
  const Rows from(rows);
  pack_super_blocks<BlockQ6_K, 6>(cols, panel, [&](int64_t at, uint8_t* quants, uint8_t* behind) {
    for (int half = 0; half < 2; ++half) {  // of 128 columns: each byte serves two sub-blocks, or four
      I32 low[16];
      I32 high[8];
      for (int i = 0; i < 16; ++i) low[i] = from.words(at + offsetof(BlockQ6_K, low) + 64 * half + 4 * i);
      for (int i = 0; i < 8; ++i) high[i] = from.words(at + offsetof(BlockQ6_K, high) + 32 * half + 4 * i);
      for (int s = 0; s < 4; ++s) {
        const Registers to(quants + (4 * half + s) * 6 * kRegister);
        I32 quads[8];
        for (int i = 0; i < 8; ++i) quads[i] = low[s % 2 * 8 + i] >> (4 * (s / 2)) & kNibbles;
        to.put_nibbles(quads);
        for (int i = 0; i < 8; ++i) quads[i] = high[i] >> (2 * s) & kPairs;
        to.put_pairs_of_bits(4, quads);
      }
    }
    for (int r = 0; r < 4; ++r)
      Registers(behind).put(r, from.words(at + offsetof(BlockQ6_K, scales) + 4 * r));
    from.copy<2>(at + offsetof(BlockQ6_K, d), behind + 4 * kRegister);
  });
}

void pack_q3_k(const uint8_t* const* rows, int cols, uint8_t* panel) {
  const Rows from(rows);
  pack_super_blocks<BlockQ3_K, 3>(cols, panel, [&](int64_t at, uint8_t* quants, uint8_t* behind) {
    for (int s = 0; s < kBlocks; ++s) {
      const Registers to(quants + s * 3 * kRegister);
      I32 quads[8];
      quads_of<kPairs>(from, at + offsetof(BlockQ3_K, quants) + 32 * (s / 4), 2 * (s % 4), quads);
      to.put_pairs_of_bits(0, quads);
      quads_of<kBits>(from, at + offsetof(BlockQ3_K, high_bits), s, quads);
      to.put_bits(2, quads);
    }
    I32 packed[3];
    for (int i = 0; i < 3; ++i) packed[i] = from.words(at + offsetof(BlockQ3_K, scales) + 4 * i);
    I32 numbers[4];
    for (int i = 0; i < 4; ++i)  // as formats::q3_k_scales
      numbers[i] = (packed[i % 2] >> (4 * (i / 2)) & kNibbles) | (packed[2] >> (2 * i) & kPairs) << 4;
    Registers(behind).put_six_bits(numbers);
    from.copy<2>(at + offsetof(BlockQ3_K, d), behind + 3 * kRegister);
  });
}

void pack_q2_k(const uint8_t* const* rows, int cols, uint8_t* panel) {
  const Rows from(rows);
  pack_super_blocks<BlockQ2_K, 2>(cols, panel, [&](int64_t at, uint8_t* quants, uint8_t* behind) {
    for (int s = 0; s < kBlocks; ++s) {
      I32 quads[8];
      quads_of<kPairs>(from, at + offsetof(BlockQ2_K, quants) + 32 * (s / 4), 2 * (s % 4), quads);
      Registers(quants + s * 2 * kRegister).put_pairs_of_bits(0, quads);
    }
    for (int r = 0; r < 4; ++r)
      Registers(behind).put(r, from.words(at + offsetof(BlockQ2_K, scales) + 4 * r));
    from.copy<2>(at + offsetof(BlockQ2_K, d), behind + 4 * kRegister);
    from.copy<2>(at + offsetof(BlockQ2_K, dmin), behind + 4 * kRegister + kHalves);
  });
}

void pack_iq4_xs(const uint8_t* const* rows, int cols, uint8_t* panel) {
  const Rows from(rows);
  pack_super_blocks<BlockIQ4_XS, 4>(cols, panel, [&](int64_t at, uint8_t* quants, uint8_t* behind) {
    for (int s = 0; s < kBlocks; ++s)
      put_halves_of_nibbles(from, at + offsetof(BlockIQ4_XS, quants) + 16 * s,
                            Registers(quants + s * 4 * kRegister));
    Registers(behind).put(0, from.words(at + offsetof(BlockIQ4_XS, scales_low)));
    from.copy<2>(at + offsetof(BlockIQ4_XS, scales_high), behind + kRegister);
    from.copy<2>(at + offsetof(BlockIQ4_XS, d), behind + kRegister + kHalves);
  });
}

}  // namespace ferrum::cpu::FERRUM_ISA
