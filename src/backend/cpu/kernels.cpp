#include "backend/cpu/kernels.h"

#include "base/check.h"

namespace ferrum::cpu {

// Defined by kernels/table.cpp, once per instruction set that floor.cmake compiles.
namespace portable {
extern const Kernels kTable;
}
#if defined(FERRUM_X86_KERNELS)
namespace avx2 {
extern const Kernels kTable;
}
namespace avxvnni {
extern const Kernels kTable;
}
namespace avx512 {
extern const Kernels kTable;
}
namespace avx512bf16 {
void multiply_pairs(const PanelTask& task);
int64_t peak_dot_bf16(int64_t rounds);
}  // namespace avx512bf16
namespace amx {
void use_tiles(Kernels& table);
}  // namespace amx
#elif defined(FERRUM_ARM_KERNELS)
namespace neon {
extern const Kernels kTable;
}
namespace dotprod {
extern const Kernels kTable;
}
namespace i8mm {
extern const Kernels kTable;
}
#endif

const Kernels& kernels_for(Isa isa) {
  check(missing_for(isa).empty(), "the CPU has the instruction set");
#if defined(FERRUM_X86_KERNELS)
  // The same as AVX-512 except for the BF16 products.
  static const Kernels avx512bf16_table = [] {
    Kernels table = avx512::kTable;
    table.multiply_pairs = avx512bf16::multiply_pairs;
    table.has_pair_dot = true;
    table.peaks.dot_bf16 = avx512bf16::peak_dot_bf16;
    return table;
  }();
  // The same as AVX-512 BF16 except for BF16 products and long products of integers. use_tiles() is compiled
  // for AMX, so it runs only where the CPU has it.
  if (isa == Isa::kAmx) {
    static const Kernels amx_table = [] {
      Kernels table = avx512bf16_table;
      amx::use_tiles(table);
      return table;
    }();
    return amx_table;
  }
  if (isa == Isa::kAvx512Bf16) return avx512bf16_table;
  if (isa == Isa::kAvx512) return avx512::kTable;
  if (isa == Isa::kAvxVnni) return avxvnni::kTable;
  if (isa == Isa::kAvx2) return avx2::kTable;
#elif defined(FERRUM_ARM_KERNELS)
  if (isa == Isa::kI8mm) return i8mm::kTable;
  if (isa == Isa::kDotProd) return dotprod::kTable;
  if (isa == Isa::kNeon) return neon::kTable;
#endif
  return portable::kTable;
}

}  // namespace ferrum::cpu
