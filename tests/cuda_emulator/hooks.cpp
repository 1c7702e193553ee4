// What -fsanitize=thread calls before each load and store of a kernel: the emulator in place of libtsan.
#include "accesses.h"
#include "traffic.h"

namespace gpu::emulated {
namespace {

inline void hook(Access kind, void* p, unsigned size, uintptr_t pc) {
  access(kind, reinterpret_cast<uintptr_t>(p), size, pc);
  if (options.counts_traffic && current != nullptr) count_traffic(reinterpret_cast<uintptr_t>(p), size, pc);
  if (options.preempt_every == 0 || current == nullptr || --launched.until_preempted > 0) return;
  launched.until_preempted =
      1 + static_cast<int>(random_below(2 * static_cast<uint32_t>(options.preempt_every)));
  yield();
}

}  // namespace
}  // namespace gpu::emulated

extern "C" {
using gpu::emulated::Access;
using gpu::emulated::hook;
#define HOOK(size)                                                                                 \
  void __tsan_read##size(void* p) { hook(Access::kRead, p, size, GPU_EMULATOR_CALLER); }           \
  void __tsan_write##size(void* p) { hook(Access::kWrite, p, size, GPU_EMULATOR_CALLER); }         \
  void __tsan_unaligned_read##size(void* p) { hook(Access::kRead, p, size, GPU_EMULATOR_CALLER); } \
  void __tsan_unaligned_write##size(void* p) { hook(Access::kWrite, p, size, GPU_EMULATOR_CALLER); }
HOOK(1)
HOOK(2)
HOOK(4)
HOOK(8)
HOOK(16)
#undef HOOK
void __tsan_read_range(char* p, size_t n) {
  for (size_t i = 0; i < n; ++i) hook(Access::kRead, p + i, 1, GPU_EMULATOR_CALLER);
}
void __tsan_write_range(char* p, size_t n) {
  for (size_t i = 0; i < n; ++i) hook(Access::kWrite, p + i, 1, GPU_EMULATOR_CALLER);
}
void __tsan_func_entry(void*) {}
void __tsan_func_exit() {}
void __tsan_init() {}
}
