#include "backend/cpu/channel_kernels.h"

#include "base/check.h"

namespace ferrum::cpu {

// Defined by kernels/channel_delta.cpp, once per instruction set that floor.cmake compiles.
namespace portable {
extern const ChannelKernels kChannelTable;
}
#if defined(FERRUM_X86_KERNELS)
namespace avx2 {
extern const ChannelKernels kChannelTable;
}
namespace avxvnni {
extern const ChannelKernels kChannelTable;
}
namespace avx512 {
extern const ChannelKernels kChannelTable;
}
#elif defined(FERRUM_ARM_KERNELS)
namespace neon {
extern const ChannelKernels kChannelTable;
}
namespace dotprod {
extern const ChannelKernels kChannelTable;
}
namespace i8mm {
extern const ChannelKernels kChannelTable;
}
#endif

const ChannelKernels& channel_kernels_for(Isa isa) {
  check(missing_for(isa).empty(), "the CPU has the instruction set");
#if defined(FERRUM_X86_KERNELS)
  if (isa == Isa::kAvx512Bf16 || isa == Isa::kAvx512) return avx512::kChannelTable;
  if (isa == Isa::kAvxVnni) return avxvnni::kChannelTable;
  if (isa == Isa::kAvx2) return avx2::kChannelTable;
#elif defined(FERRUM_ARM_KERNELS)
  if (isa == Isa::kI8mm) return i8mm::kChannelTable;
  if (isa == Isa::kDotProd) return dotprod::kChannelTable;
  if (isa == Isa::kNeon) return neon::kChannelTable;
#endif
  return portable::kChannelTable;
}

}  // namespace ferrum::cpu
