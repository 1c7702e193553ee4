// What AMX replaces in the table of AVX-512 BF16.
#include "backend/cpu/kernels/functions.h"

namespace ferrum::cpu::FERRUM_ISA {
namespace {

// Up to this many tokens, vectors multiply packed panels sooner than tiles do unpacked ones.
constexpr int kTokensBeforeTiles = 24;

}  // namespace

void use_tiles(Kernels& table) {
  for (FormatKernels& format : table.formats.of) format.direct_tokens = kTokensBeforeTiles;
  table.multiply_pairs = multiply_pairs;
  table.peaks.dot_int8 = peak_dot_int8;
  table.peaks.dot_bf16 = peak_dot_bf16;
#define FERRUM_UNPACKED(member, name, Source)                                \
  table.formats.of[static_cast<int>(Format::member)].unpack = unpack_##name; \
  table.formats.of[static_cast<int>(Format::member)].multiply_unpacked = multiply_unpacked_##name;
  FERRUM_INTEGER_FORMATS(FERRUM_UNPACKED)
#undef FERRUM_UNPACKED
#define FERRUM_CODED(member, name, Block, bits)                                    \
  table.formats.of[static_cast<int>(Format::member)].unpack = unpack_codes_##bits; \
  table.formats.of[static_cast<int>(Format::member)].multiply_unpacked = multiply_unpacked_codes_##bits;
  FERRUM_CODED_FORMATS(FERRUM_CODED)
#undef FERRUM_CODED
}

}  // namespace ferrum::cpu::FERRUM_ISA
