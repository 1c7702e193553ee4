// A span of a packed panel as products read it: quads of quants, and a register of scales for every block.
//
//   value = scale × (quant − kOffset) + min
//
// A source has kParts scales per block: 1, or 2 if 16 columns share one; kHasMin says whether there are
// minima. The scales of a span follow its quants, in the file's precision.
#pragma once
#include "backend/cpu/kernels/quads.h"

namespace ferrum::cpu::FERRUM_ISA {
namespace {  // nothing here may become a symbol that the linker merges: see kernels.h

constexpr int kHalves = kLanes * 2;  // bytes of one 16-bit number per lane

inline F32 load_halves(const uint8_t* p) { return load(reinterpret_cast<const F16*>(p)); }

// GCC 12 converts vectors of bytes and words lane by lane.
inline I32 load_bytes_as_ints(const uint8_t* p) {
#if defined(__AVX512F__)
  return reinterpret_cast<I32>(_mm512_cvtepu8_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p))));
#elif defined(__AVX2__)
  return reinterpret_cast<I32>(_mm256_cvtepu8_epi32(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(p))));
#elif defined(FERRUM_NEON)
  uint32_t bytes;
  __builtin_memcpy(&bytes, p, sizeof bytes);
  const uint8x8_t twice = vreinterpret_u8_u32(vdup_n_u32(bytes));
  return vreinterpretq_s32_u32(vmovl_u16(vget_low_u16(vmovl_u8(twice))));
#else
  uint8_t bytes __attribute__((vector_size(kLanes)));
  __builtin_memcpy(&bytes, p, sizeof bytes);
  return __builtin_convertvector(bytes, I32);
#endif
}
inline I32 load_words_as_ints(const uint8_t* p) {
#if defined(__AVX512F__)
  return reinterpret_cast<I32>(
      _mm512_cvtepu16_epi32(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(p))));
#elif defined(__AVX2__)
  return reinterpret_cast<I32>(_mm256_cvtepu16_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p))));
#elif defined(FERRUM_NEON)
  uint16x4_t words;
  __builtin_memcpy(&words, p, sizeof words);
  return vreinterpretq_s32_u32(vmovl_u16(words));
#else
  uint16_t words __attribute__((vector_size(kLanes * 2)));
  __builtin_memcpy(&words, p, sizeof words);
  return __builtin_convertvector(words, I32);
#endif
}

// Formats with blocks of 32 columns, a scale and perhaps a minimum in binary16.
template <class Quads, int kOffsetOfFormat, bool kMin>
struct SimpleSource {
  static constexpr int kParts = 1;
  static constexpr bool kHasMin = kMin;
  static constexpr int kOffset = kOffsetOfFormat;
  static constexpr int kMost = Quads::kMost;
  static constexpr int kSpanBytes = kBlocks * (Quads::kRegisters * kRegister + (kMin ? 2 : 1) * kHalves);

  SimpleSource(const uint8_t* span, int blocks)
      : quants(span),
        scales(span + blocks * Quads::kRegisters * kRegister),
        mins(scales + blocks * kHalves) {}

  I32 quad(int b, int i) const { return Quads::quad(quants + b * Quads::kRegisters * kRegister, i); }
  F32 scale(int b, int) const { return load_halves(scales + b * kHalves); }
  F32 min(int b, int) const { return load_halves(mins + b * kHalves); }

  const uint8_t* quants;
  const uint8_t* scales;
  const uint8_t* mins;
};

using Q4_0Source = SimpleSource<NibbleQuads, 8, false>;
using Q4_1Source = SimpleSource<NibbleQuads, 0, true>;
using Q5_0Source = SimpleSource<FiveBitQuads, 16, false>;
using Q5_1Source = SimpleSource<FiveBitQuads, 0, true>;
using Q8_0Source = SimpleSource<ByteQuads, kWideOffset, false>;
using Iq4NlSource = SimpleSource<Iq4Quads, kWideOffset, false>;

// Formats with groups of kGroupBlocks × 32 columns, each with a scale in binary16 and a zero point in a byte.
template <int kGroupBlocks>
struct GroupSource {
  static constexpr int kParts = 1;
  static constexpr bool kHasMin = true;  // −scale × zero
  static constexpr int kOffset = 0;
  static constexpr int kMost = NibbleQuads::kMost;
  static constexpr int kQuantBytes = NibbleQuads::kRegisters * kRegister;  // per block
  static constexpr int kSpanBytes = kBlocks * kQuantBytes + kBlocks / kGroupBlocks * (kHalves + kLanes);

  GroupSource(const uint8_t* span, int blocks)
      : quants(span), scales(span + blocks * kQuantBytes), zeros(scales + blocks / kGroupBlocks * kHalves) {}

  I32 quad(int b, int i) const { return NibbleQuads::quad(quants + b * kQuantBytes, i); }
  F32 scale(int b, int) const { return load_halves(scales + b / kGroupBlocks * kHalves); }
  F32 min(int b, int) const {
    return to_float(-load_bytes_as_ints(zeros + b / kGroupBlocks * kLanes)) * scale(b, 0);
  }

  const uint8_t* quants;
  const uint8_t* scales;
  const uint8_t* zeros;
};
using G4_32Source = GroupSource<1>;
using G4_64Source = GroupSource<2>;
using G4_128Source = GroupSource<4>;

struct Mxfp4Source {
  static constexpr int kParts = 1;
  static constexpr bool kHasMin = false;
  static constexpr int kOffset = 16;
  static constexpr int kMost = Mxfp4Quads::kMost;
  static constexpr int kSpanBytes = kBlocks * (4 * kRegister + kLanes);

  Mxfp4Source(const uint8_t* span, int blocks) : quants(span), exponents(span + blocks * 4 * kRegister) {}

  I32 quad(int b, int i) const { return Mxfp4Quads::quad(quants + b * 4 * kRegister, i); }
  F32 scale(int b, int) const {  // formats::mxfp4_half_scale
    const I32 e = load_bytes_as_ints(exponents + b * kLanes);
    const I32 subnormal = 0x00200000 + (e << 21);  // 2^-128 for 0, 2^-127 for 1
    return from_bits(e < 2 ? subnormal : (e - 1) << 23);
  }
  F32 min(int, int) const { return F32{}; }

  const uint8_t* quants;
  const uint8_t* exponents;
};

// Formats with blocks of 256 columns compute the scales of a span once.
template <class Quads, int kPartsOfFormat, int kOffsetOfFormat, bool kMin>
struct SuperSource {
  static constexpr int kParts = kPartsOfFormat;
  static constexpr bool kHasMin = kMin;
  static constexpr int kOffset = kOffsetOfFormat;
  static constexpr int kMost = Quads::kMost;
  static constexpr int kQuantBytes = kBlocks * Quads::kRegisters * kRegister;

  explicit SuperSource(const uint8_t* span) : quants(span) {}

  I32 quad(int b, int i) const { return Quads::quad(quants + b * Quads::kRegisters * kRegister, i); }
  F32 scale(int b, int part) const { return scales[b * kParts + part]; }
  F32 min(int b, int part) const { return mins[b * kParts + part]; }

  const uint8_t* quants;
  F32 scales[kBlocks * kParts];
  F32 mins[kMin ? kBlocks * kParts : 1];
};

// Sixteen six-bit numbers in three registers: 0–11 in the lower bits of the bytes in order, 12–15 in the
// upper two bits of each.
struct SixBitNumbers {
  explicit SixBitNumbers(const uint8_t* p) {
    for (int r = 0; r < 3; ++r) quarters[r] = load_register(p + r * kRegister);
    quarters[3] =
        (quarters[0] >> 6 & 0x03030303) | (quarters[1] >> 4 & 0x0C0C0C0C) | (quarters[2] >> 2 & 0x30303030);
  }
  I32 operator[](int i) const { return quarters[i / 4] >> (8 * (i % 4)) & 63; }

  I32 quarters[4];
};

template <class Quads>
struct ScaleMinSource : SuperSource<Quads, 1, 0, true> {  // Q4_K, Q5_K
  using Base = SuperSource<Quads, 1, 0, true>;
  static constexpr int kSpanBytes = Base::kQuantBytes + 3 * kRegister + 2 * kHalves;

  ScaleMinSource(const uint8_t* span, int) : Base(span) {
    const uint8_t* p = span + Base::kQuantBytes;
    const SixBitNumbers numbers(p);
    const F32 d = load_halves(p + 3 * kRegister);
    const F32 dmin = -load_halves(p + 3 * kRegister + kHalves);
#pragma GCC unroll 8
    for (int b = 0; b < kBlocks; ++b) {
      this->scales[b] = to_float(numbers[b]) * d;
      this->mins[b] = to_float(numbers[kBlocks + b]) * dmin;
    }
  }
};
using Q4_KSource = ScaleMinSource<NibbleQuads>;
using Q5_KSource = ScaleMinSource<FiveBitQuads>;

#if !defined(FERRUM_WORD_SUMS)  // else see sources_avx2.h
struct Q6_KSource : SuperSource<SixBitQuads, 2, 32, false> {
  static constexpr int kSpanBytes = kQuantBytes + 4 * kRegister + kHalves;

  Q6_KSource(const uint8_t* span, int) : SuperSource(span) {
    const uint8_t* p = span + kQuantBytes;
    const F32 d = load_halves(p + 4 * kRegister);
#pragma GCC unroll 16
    for (int i = 0; i < 2 * kBlocks; ++i)
      scales[i] = to_float(load_register(p + i / 4 * kRegister) << (24 - 8 * (i % 4)) >> 24) * d;
  }
};

struct Q3_KSource : SuperSource<ThreeBitQuads, 2, 4, false> {
  static constexpr int kSpanBytes = kQuantBytes + 3 * kRegister + kHalves;

  Q3_KSource(const uint8_t* span, int) : SuperSource(span) {
    const uint8_t* p = span + kQuantBytes;
    const SixBitNumbers numbers(p);
    const F32 d = load_halves(p + 3 * kRegister);
#pragma GCC unroll 16
    for (int i = 0; i < 2 * kBlocks; ++i) scales[i] = to_float(numbers[i] - 32) * d;
  }
};

struct Q2_KSource : SuperSource<TwoBitQuads, 2, 0, true> {
  static constexpr int kSpanBytes = kQuantBytes + 4 * kRegister + 2 * kHalves;

  Q2_KSource(const uint8_t* span, int) : SuperSource(span) {
    const uint8_t* p = span + kQuantBytes;
    const F32 d = load_halves(p + 4 * kRegister);
    const F32 dmin = -load_halves(p + 4 * kRegister + kHalves);
#pragma GCC unroll 16
    for (int i = 0; i < 2 * kBlocks; ++i) {
      const I32 both = load_register(p + i / 4 * kRegister) >> (8 * (i % 4));
      scales[i] = to_float(both & 15) * d;
      mins[i] = to_float(both >> 4 & 15) * dmin;
    }
  }
};
#endif

struct Iq4XsSource : SuperSource<Iq4Quads, 1, kWideOffset, false> {
  static constexpr int kSpanBytes = kQuantBytes + kRegister + 2 * kHalves;

  Iq4XsSource(const uint8_t* span, int) : SuperSource(span) {
    const uint8_t* p = span + kQuantBytes;
    const I32 low = load_register(p);
    const I32 high = load_words_as_ints(p + kRegister);
    const F32 d = load_halves(p + kRegister + kHalves);
#pragma GCC unroll 8
    for (int b = 0; b < kBlocks; ++b) {
      const I32 six_bits = (low >> (4 * b) & 15) | (high >> (2 * b) & 3) << 4;
      scales[b] = to_float(six_bits - 32) * d;
    }
  }
};

// The coded formats: their table, and a register of scales for 128 columns (pack_coded.cpp).
template <int kBits>
inline I32 code_table(const uint8_t* entries) {
  if constexpr (kBits == 4) return table_of_16(entries);
  return table_of_8(entries);
}
constexpr int kCodedMost = kCodedOffset + 62;

#if !defined(FERRUM_WORD_SUMS)
template <class Codes, int kBits>
struct CodedSource : SuperSource<Codes, 2, kCodedOffset, false> {
  using Base = SuperSource<Codes, 2, kCodedOffset, false>;
  static constexpr int kMost = kCodedMost;
  static constexpr int kScalesAt = Base::kQuantBytes;
  static constexpr int kTableAt = kScalesAt + 3 * kRegister;
  static constexpr int kSpanBytes = coded_span_bytes(kBits, kLanes);
  static_assert(kSpanBytes == kTableAt + (1 << kBits));

  CodedSource(const uint8_t* span, int) : Base(span), table(code_table<kBits>(span + kTableAt)) {
    const F32 d = from_bits(load_register(span + kScalesAt + 2 * kRegister));
#pragma GCC unroll 16
    for (int i = 0; i < 2 * kBlocks; ++i) {
      const I32 all = load_register(span + kScalesAt + i / 8 * kRegister);
      this->scales[i] = to_float((all >> (8 * (i % 4) + 4 * (i / 4 % 2)) & 15) * 2 + 1) * d;
    }
  }

  I32 quad(int b, int i) const { return look_up(table, Base::quad(b, i)); }

  I32 table;
};
#endif

// The result of `unpack` for any of them: a byte per quant, and scales in float32.
template <int kPartsOfFormat, int kOffsetOfFormat, bool kMin, int kMostOfFormat>
struct UnpackedSource {
  static constexpr int kParts = kPartsOfFormat;
  static constexpr bool kHasMin = kMin;
  static constexpr int kOffset = kOffsetOfFormat;
  static constexpr int kMost = kMostOfFormat;
  static constexpr int kScalesAt = kBlocks * 8 * kRegister;
  static constexpr int kMinsAt = kScalesAt + 2 * kBlocks * kRegister;
  static constexpr int kSpanBytes = kMinsAt + 2 * kBlocks * kRegister;  // the same for all, so that room is

  UnpackedSource(const uint8_t* from, int) : span(from) {}

  I32 quad(int b, int i) const { return load_register(span + (b * 8 + i) * kRegister); }
  F32 scale(int b, int part) const {
    return from_bits(load_register(span + kScalesAt + (b * kParts + part) * kRegister));
  }
  F32 min(int b, int part) const {
    return from_bits(load_register(span + kMinsAt + (b * kParts + part) * kRegister));
  }

  const uint8_t* span;
};

// Stores the scales and minima of a block where Unpacked reads them.
template <class Unpacked, class Source>
inline void store_scales(const Source& source, int b, uint8_t* span) {
  for (int part = 0; part < Source::kParts; ++part) {
    const int at = (b * Source::kParts + part) * kRegister;
    store_register(span + Unpacked::kScalesAt + at, as_bits(source.scale(b, part)));
    if constexpr (Source::kHasMin)
      store_register(span + Unpacked::kMinsAt + at, as_bits(source.min(b, part)));
  }
}

}  // namespace
}  // namespace ferrum::cpu::FERRUM_ISA

#if defined(FERRUM_WORD_SUMS)
#include "backend/cpu/kernels/sources_avx2.h"
#endif

namespace ferrum::cpu::FERRUM_ISA {
namespace {

using Codes3Source = CodedSource<ThreeBitQuads, 3>;
using Codes4Source = CodedSource<NibbleQuads, 4>;

#if defined(FERRUM_WORD_SUMS)
template <class Source>
struct UnpackedForm {  // the largest quant matters where products are summed in 16 bits
  using Type = UnpackedSource<Source::kParts, Source::kOffset, Source::kHasMin, Source::kMost>;
};
template <class Source>
requires(Source::kParts == 2) struct UnpackedForm<Source> {
  using Type = UnpackedHalvesSource<Source::kOffset, Source::kHasMin, Source::kMost>;
};
template <class Source>
using UnpackedOf = typename UnpackedForm<Source>::Type;
constexpr int kUnpackedBytes = UnpackedHalvesSource<0, true, 3>::kSpanBytes;  // the largest
#else
#if defined(__AMX_INT8__)
constexpr bool kUnpacksSigned = true;  // TDPBSSD multiplies signed bytes
#else
constexpr bool kUnpacksSigned = false;
#endif
template <class Source>
using UnpackedOf = UnpackedSource<Source::kParts, kUnpacksSigned ? 0 : Source::kOffset, Source::kHasMin, 255>;
constexpr int kUnpackedBytes = UnpackedSource<1, 0, false, 255>::kSpanBytes;
#endif

}  // namespace
}  // namespace ferrum::cpu::FERRUM_ISA
