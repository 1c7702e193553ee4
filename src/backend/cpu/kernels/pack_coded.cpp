// Packs rows of the coded formats (tensor/formats/coded.h), a block at a time. quads.h and sources.h define
// the layout.
#include "backend/cpu/kernels/quads.h"
#include "tensor/formats/coded.h"

namespace ferrum::cpu::FERRUM_ISA {
namespace {

using formats::CodedBlock;
using formats::CodeTable;

template <class Number>
inline void put(uint8_t* at, Number number) {
  __builtin_memcpy(at, &number, sizeof number);
}

template <int kBits>
inline void put_codes(const CodedBlock& block, uint8_t* span, int lane) {
  for (int b = 0; b < kBlocks; ++b) {
    uint32_t quads[8];
    __builtin_memcpy(quads, block.codes + kBlock * b, sizeof quads);
    uint32_t words[4] = {};
    if constexpr (kBits == 4) {
      for (int j = 0; j < 4; ++j) words[j] = quads[j] | quads[j + 4] << 4;
    } else {
      for (int i = 0; i < 8; ++i) {
        words[i / 4] |= (quads[i] & 0x03030303) << (2 * (i % 4));
        words[2] |= (quads[i] >> 2 & 0x01010101) << i;
      }
    }
    for (int j = 0; j < kBits; ++j) put(span + (b * kBits + j) * kRegister + 4 * lane, words[j]);
  }
}

// Four bits s for each scale 2 s + 1: byte k of register r has those of half blocks 8r + k and 8r + 4 + k.
inline void put_scales(const CodedBlock& block, uint8_t* to, int lane) {
  for (int r = 0; r < 2; ++r)
    for (int k = 0; k < 4; ++k)
      to[r * kRegister + 4 * lane + k] =
          static_cast<uint8_t>(block.scales[8 * r + k] >> 1 | (block.scales[8 * r + 4 + k] >> 1) << 4);
}

template <class Block, int kBits>
inline void pack_coded(const uint8_t* const* rows, int cols, uint8_t* span, const CodeTable& table) {
  constexpr int kSpanBytes = coded_span_bytes(kBits, kLanes);
  constexpr int kCodeBytes = kBlocks * kBits * kRegister;
  CodedBlock coded;
  for (int i = 0; i < cols / kSpan; ++i, span += kSpanBytes) {
    uint8_t* const behind = span + kCodeBytes;
    for (int lane = 0; lane < kLanes; ++lane) {
      const uint8_t* const row = rows[lane] == nullptr ? rows[0] : rows[lane];
      formats::take_codes(*reinterpret_cast<const Block*>(row + i * static_cast<int64_t>(sizeof(Block))),
                          coded);
      put_codes<kBits>(coded, span, lane);
      put_scales(coded, behind, lane);
      put(behind + 2 * kRegister + 4 * lane, formats::scale_of(coded, table));
    }
    for (int code = 0; code < 1 << kBits; ++code)
      behind[3 * kRegister + code] = static_cast<uint8_t>(table.numbers[code] + kCodedOffset);
  }
}

}  // namespace

#define FERRUM_PACK(member, name, Block, bits)                                                 \
  void pack_##name(const uint8_t* const* rows, int cols, uint8_t* panel) {                     \
    pack_coded<formats::Block, bits>(rows, cols, panel, *formats::code_table(Format::member)); \
  }
FERRUM_CODED_FORMATS(FERRUM_PACK)
#undef FERRUM_PACK

}  // namespace ferrum::cpu::FERRUM_ISA
