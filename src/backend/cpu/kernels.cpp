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
namespace avx512 {
extern const Kernels kTable;
}
#endif

const Kernels& kernels_for(Isa isa) {
  check(missing_for(isa).empty(), "the CPU has the instruction set");
#if defined(FERRUM_X86_KERNELS)
  if (isa == Isa::kAvx512) return avx512::kTable;
  if (isa == Isa::kAvx2) return avx2::kTable;
#endif
  return portable::kTable;
}

}  // namespace ferrum::cpu
