#include "backend/cpu/kernels.h"

#include "base/check.h"

namespace ferrum::cpu {

// Defined by kernels/table.cpp, once per instruction set that floor.cmake compiles.
namespace portable {
extern const Kernels kTable;
}
#define FERRUM_TABLE_OF(isa)   \
  namespace isa {              \
  extern const Kernels kTable; \
  }
#if defined(FERRUM_KERNELS_AVX2)
FERRUM_TABLE_OF(avx2)
#endif
#if defined(FERRUM_KERNELS_AVXVNNI)
FERRUM_TABLE_OF(avxvnni)
#endif
#if defined(FERRUM_KERNELS_AVX512)
FERRUM_TABLE_OF(avx512)
#endif
#if defined(FERRUM_KERNELS_NEON)
FERRUM_TABLE_OF(neon)
#endif
#if defined(FERRUM_KERNELS_DOTPROD)
FERRUM_TABLE_OF(dotprod)
#endif
#if defined(FERRUM_KERNELS_I8MM)
FERRUM_TABLE_OF(i8mm)
#endif
#undef FERRUM_TABLE_OF

#if defined(FERRUM_KERNELS_AVX512BF16)
namespace avx512bf16 {
void multiply_pairs(const PanelTask& task);
int64_t peak_dot_bf16(int64_t rounds);
}  // namespace avx512bf16

namespace {

// The same as AVX-512 except for the BF16 products.
Kernels with_bf16_products() {
  Kernels table = avx512::kTable;
  table.multiply_pairs = avx512bf16::multiply_pairs;
  table.has_pair_dot = true;
  table.peaks.dot_bf16 = avx512bf16::peak_dot_bf16;
  return table;
}

}  // namespace
#endif

#if defined(FERRUM_KERNELS_AMX)
namespace amx {
void use_tiles(Kernels& table);
}  // namespace amx

namespace {

// The same as AVX-512 BF16 except for BF16 products and long products of integers. use_tiles() is compiled
// for AMX, so it runs only where the CPU has it.
Kernels with_tiles() {
  Kernels table = with_bf16_products();
  amx::use_tiles(table);
  return table;
}

}  // namespace
#endif

const Kernels& kernels_for(Isa isa) {
  check(has_kernels(isa) && missing_for(isa).empty(),
        "kernels for the instruction set are here, and the CPU has it");
  switch (isa) {
#if defined(FERRUM_KERNELS_AVX2)
    case Isa::kAvx2:
      return avx2::kTable;
#endif
#if defined(FERRUM_KERNELS_AVXVNNI)
    case Isa::kAvxVnni:
      return avxvnni::kTable;
#endif
#if defined(FERRUM_KERNELS_AVX512)
    case Isa::kAvx512:
      return avx512::kTable;
#endif
#if defined(FERRUM_KERNELS_AVX512BF16)
    case Isa::kAvx512Bf16: {
      static const Kernels table = with_bf16_products();
      return table;
    }
#endif
#if defined(FERRUM_KERNELS_AMX)
    case Isa::kAmx: {
      static const Kernels table = with_tiles();
      return table;
    }
#endif
#if defined(FERRUM_KERNELS_NEON)
    case Isa::kNeon:
      return neon::kTable;
#endif
#if defined(FERRUM_KERNELS_DOTPROD)
    case Isa::kDotProd:
      return dotprod::kTable;
#endif
#if defined(FERRUM_KERNELS_I8MM)
    case Isa::kI8mm:
      return i8mm::kTable;
#endif
    default:
      return portable::kTable;
  }
}

}  // namespace ferrum::cpu
