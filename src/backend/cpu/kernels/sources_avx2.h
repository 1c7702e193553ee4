// Panels of the formats with a scale for every 16 columns, as AVX2 without VNNI multiplies them.
//
// Products are summed in 16 bits (dots_avx2.h), and VPMADDWD widens the sums. It multiplies them by the scale
// of their half block on the way: Σ scale · (quant − kOffset) · x_quant of a whole block is an integer below
// 2^25.
#pragma once

namespace ferrum::cpu::FERRUM_ISA {
namespace {  // nothing here may become a symbol that the linker merges: see kernels.h

typedef I32 UnalignedI32 __attribute__((may_alias, aligned(4)));

// Lane by lane, bytes of four neighbouring half blocks as words that are 256 times as large.
inline __m256i shifted_bytes(I32 bytes, int first, int second) {
  const char low = static_cast<char>(first);
  const char high = static_cast<char>(second);
  const __m128i order =
      _mm_setr_epi8(-1, low, -1, high, -1, static_cast<char>(low + 4), -1, static_cast<char>(high + 4), -1,
                    static_cast<char>(low + 8), -1, static_cast<char>(high + 8), -1,
                    static_cast<char>(low + 12), -1, static_cast<char>(high + 12));
  return _mm256_shuffle_epi8(reinterpret_cast<__m256i>(bytes), _mm256_broadcastsi128_si256(order));
}

// ScaleBytes reads the scales of a span's half blocks: signed bytes in order, four of them in each lane.
template <class Quads, class ScaleBytes, int kOffsetOfFormat, bool kMin>
struct HalvesSource {
  static constexpr int kParts = 2;
  static constexpr bool kHasMin = kMin;
  static constexpr int kOffset = kOffsetOfFormat;
  static constexpr int kMost = Quads::kMost;
  static constexpr int kQuantBytes = kBlocks * Quads::kRegisters * kRegister;

  HalvesSource(const uint8_t* span, const ScaleBytes& bytes, F32 scale_of_span)
      : quants(span), span_scale(scale_of_span) {
#pragma GCC unroll 16
    for (int i = 0; i < 2 * kBlocks; ++i)
      scales[i] = reinterpret_cast<I32>(_mm256_srai_epi16(shifted_bytes(bytes[i / 4], i % 4, i % 4), 8));
    if constexpr (kOffset != 0)
#pragma GCC unroll 8
      for (int b = 0; b < kBlocks; ++b)
        offsets[b] = reinterpret_cast<I32>(
            _mm256_srai_epi16(shifted_bytes(bytes[b / 2], b % 2 * 2, b % 2 * 2 + 1), 8 - log2_of(kOffset)));
  }

  I32 quad(int b, int i) const { return Quads::quad(quants + b * Quads::kRegisters * kRegister, i); }
  const I32& word_scales(int b, int part) const { return scales[b * kParts + part]; }
  I32 offset_scales(int b) const { return offsets[b]; }
  F32 scale(int b, int part) const { return to_float(word_scales(b, part) >> 16) * span_scale; }
  F32 min(int b, int part) const { return mins[b * kParts + part]; }

  const uint8_t* quants;
  F32 span_scale;
  I32 scales[kBlocks * kParts];             // of a half block, in both words of each lane
  I32 offsets[kOffset != 0 ? kBlocks : 1];  // kOffset × the scales of a block's halves, a word each
  F32 mins[kMin ? kBlocks * kParts : 1];
};

struct Q6_KScaleBytes {
  explicit Q6_KScaleBytes(const uint8_t* p) : from(p) {}
  I32 operator[](int i) const { return load_register(from + i * kRegister); }
  const uint8_t* from;
};
struct Q6_KSource : HalvesSource<SixBitQuads, Q6_KScaleBytes, 32, false> {
  static constexpr int kSpanBytes = kQuantBytes + 4 * kRegister + kHalves;

  Q6_KSource(const uint8_t* span, int)
      : HalvesSource(span, Q6_KScaleBytes(span + kQuantBytes),
                     load_halves(span + kQuantBytes + 4 * kRegister)) {}
};

struct Q3_KScaleBytes {
  explicit Q3_KScaleBytes(const uint8_t* p) : numbers(p) {}
  I32 operator[](int i) const {
    return reinterpret_cast<I32>(
        _mm256_sub_epi8(reinterpret_cast<__m256i>(numbers.quarters[i] & 0x3F3F3F3F), _mm256_set1_epi8(32)));
  }
  SixBitNumbers numbers;
};
struct Q3_KSource : HalvesSource<ThreeBitQuads, Q3_KScaleBytes, 4, false> {
  static constexpr int kSpanBytes = kQuantBytes + 3 * kRegister + kHalves;

  Q3_KSource(const uint8_t* span, int)
      : HalvesSource(span, Q3_KScaleBytes(span + kQuantBytes),
                     load_halves(span + kQuantBytes + 3 * kRegister)) {}
};

struct Q2_KScaleBytes {
  explicit Q2_KScaleBytes(const uint8_t* p) : from(p) {}
  I32 operator[](int i) const { return load_register(from + i * kRegister) & 0x0F0F0F0F; }
  const uint8_t* from;
};
struct Q2_KSource : HalvesSource<TwoBitQuads, Q2_KScaleBytes, 0, true> {
  static constexpr int kSpanBytes = kQuantBytes + 4 * kRegister + 2 * kHalves;

  Q2_KSource(const uint8_t* span, int)
      : HalvesSource(span, Q2_KScaleBytes(span + kQuantBytes),
                     load_halves(span + kQuantBytes + 4 * kRegister)) {
    const uint8_t* p = span + kQuantBytes;
    const F32 dmin = -load_halves(p + 4 * kRegister + kHalves);
#pragma GCC unroll 16
    for (int i = 0; i < 2 * kBlocks; ++i)
      mins[i] = to_float(load_register(p + i / 4 * kRegister) >> (8 * (i % 4) + 4) & 15) * dmin;
  }
};

struct CodedScaleBytes {
  explicit CodedScaleBytes(const uint8_t* p) : from(p) {}
  I32 operator[](int i) const {
    const I32 both = load_register(from + i / 2 * kRegister);
    return (shifted(both, i % 2 == 0 ? 1 : -3) & 0x1E1E1E1E) | 0x01010101;
  }
  const uint8_t* from;
};
template <class Codes, int kBits>
struct CodedSource : HalvesSource<Codes, CodedScaleBytes, kCodedOffset, false> {
  using Base = HalvesSource<Codes, CodedScaleBytes, kCodedOffset, false>;
  static constexpr int kMost = kCodedMost;
  static constexpr int kScalesAt = Base::kQuantBytes;
  static constexpr int kTableAt = kScalesAt + 3 * kRegister;
  static constexpr int kSpanBytes = coded_span_bytes(kBits, kLanes);
  static_assert(kSpanBytes == kTableAt + (1 << kBits));

  CodedSource(const uint8_t* span, int)
      : Base(span, CodedScaleBytes(span + kScalesAt),
             from_bits(load_register(span + kScalesAt + 2 * kRegister))),
        table(code_table<kBits>(span + kTableAt)) {}

  I32 quad(int b, int i) const { return look_up(table, Base::quad(b, i)); }

  I32 table;
};

// What they unpack to.
template <int kOffsetOfFormat, bool kMin, int kMostOfFormat>
struct UnpackedHalvesSource {
  static constexpr int kParts = 2;
  static constexpr bool kHasMin = kMin;
  static constexpr int kOffset = kOffsetOfFormat;
  static constexpr int kMost = kMostOfFormat;
  static constexpr int kScalesAt = kBlocks * 8 * kRegister;
  static constexpr int kMinsAt = kScalesAt + 2 * kBlocks * kRegister;
  static constexpr int kOffsetsAt = kMinsAt;  // no format has both
  static constexpr int kSpanScaleAt = kMinsAt + 2 * kBlocks * kRegister;
  static constexpr int kSpanBytes = kSpanScaleAt + kRegister;
  static_assert(kOffset == 0 || !kHasMin);

  UnpackedHalvesSource(const uint8_t* from, int)
      : span(from), span_scale(from_bits(load_register(from + kSpanScaleAt))) {}

  I32 quad(int b, int i) const { return load_register(span + (b * 8 + i) * kRegister); }
  const UnalignedI32& word_scales(int b, int part) const {
    return *reinterpret_cast<const UnalignedI32*>(span + kScalesAt + (b * kParts + part) * kRegister);
  }
  I32 offset_scales(int b) const { return load_register(span + kOffsetsAt + b * kRegister); }
  F32 min(int b, int part) const {
    return from_bits(load_register(span + kMinsAt + (b * kParts + part) * kRegister));
  }

  const uint8_t* span;
  F32 span_scale;
};

template <class Unpacked, class Source>
requires(Source::kParts == 2) inline void store_scales(const Source& source, int b, uint8_t* span) {
  for (int part = 0; part < 2; ++part) {
    const int at = (b * 2 + part) * kRegister;
    store_register(span + Unpacked::kScalesAt + at, source.word_scales(b, part));
    if constexpr (Source::kHasMin)
      store_register(span + Unpacked::kMinsAt + at, as_bits(source.min(b, part)));
  }
  if constexpr (Source::kOffset != 0)
    store_register(span + Unpacked::kOffsetsAt + b * kRegister, source.offset_scales(b));
  if (b == 0) store_register(span + Unpacked::kSpanScaleAt, as_bits(source.span_scale));
}

}  // namespace
}  // namespace ferrum::cpu::FERRUM_ISA
