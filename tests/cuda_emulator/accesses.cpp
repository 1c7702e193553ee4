#include "accesses.h"

#include <algorithm>
#include <cstring>

#include "happened_before.h"
#include "report.h"
#include "traffic.h"

namespace gpu::emulated {
namespace {

constexpr uint32_t kBytes = 0xf0000000u, kAtomic = 1u << 27, kThread = 0x07ffffffu;

[[noreturn, gnu::noinline]] void race(const char* what, uint32_t other, uint32_t other_pc, uintptr_t address,
                                      uintptr_t pc) {
  fail_here(text("race in %s memory: %s\n    %s at ", memory.is_shared(address) ? "shared" : "global", what,
                 thread_of(current->who).c_str()) +
            place_of(pc) + text("\n    %s at ", thread_of(other).c_str()) + place_of_short(other_pc));
}

// One access to some bytes of a word. `who` has the thread, its bytes, and whether it is atomic.
struct Use {
  uint32_t who;
  const Lane& lane;
  Clock begin;  // what happened until then, all know
  uintptr_t address;
  uintptr_t pc;

  bool clashes(uint32_t other, Clock when) const {
    return (other & who & kBytes) != 0 && (other & who & kAtomic) == 0 && !is_known(other, when, lane, begin);
  }
};

[[gnu::always_inline]] inline void write(Record& r, const Use& use) {
  if (use.clashes(r.writer, r.write_clock))
    race("written by both", r.writer, r.write_pc, use.address, use.pc);
  if (use.clashes(r.reader, r.read_clock))
    race("written, and read by the other", r.reader, r.read_pc, use.address, use.pc);
  if (use.clashes(r.reader2, r.read_clock2))
    race("written, and read by the other", r.reader2, r.read_pc, use.address, use.pc);
  r.writer = use.who;
  r.write_clock = use.lane.warp->now;
  r.write_pc = short_pc(use.pc);
  r.reader = r.reader2 = 0;
}

[[gnu::always_inline]] inline void read(Record& r, const Use& use) {
  if (use.clashes(r.writer, r.write_clock))
    race("read, and written by the other", r.writer, r.write_pc, use.address, use.pc);
  if (r.reader != 0 && ((r.reader ^ use.who) & kThread) != 0 &&
      !is_known(r.reader, r.read_clock, use.lane, use.begin)) {
    r.reader2 = r.reader;
    r.read_clock2 = r.read_clock;
  }
  r.reader = use.who;
  r.read_clock = use.lane.warp->now;
  r.read_pc = short_pc(use.pc);
}

template <void (*kRecord)(Record&, const Use&)>
[[gnu::always_inline]] inline void record_words(uintptr_t address, unsigned size, const Lane& lane,
                                                uintptr_t pc, uint32_t flags) {
  const uintptr_t at = address - memory.base;
  const Clock begin = at >= kGlobalBytes ? lane.block->begin : launched.begin;
  const uintptr_t end = at + size;
  for (uintptr_t a = at; a < end;) {
    const uintptr_t word = a & ~uintptr_t{3};
    const auto first = static_cast<unsigned>(a - word);
    const auto last = static_cast<unsigned>(std::min<uintptr_t>(4, end - word));
    const uint32_t bytes = ((1u << last) - (1u << first)) << 28;
    kRecord(memory.records[word / 4], {lane.who | flags | bytes, lane, begin, address, pc});
    a = word + 4;
  }
}

// Memory that is not the device's: parameters and constants may be read.
[[gnu::noinline]] void host_access(uintptr_t address, unsigned size, bool is_write, uintptr_t pc) {
  const uintptr_t first = reinterpret_cast<uintptr_t>(launched.params);
  if (!is_write && (address - first < launched.kernel->param_bytes || is_constant(address))) return;
  bad_access(is_write ? "a write outside the device's memory" : "a read outside the device's memory", address,
             size, pc);
}

[[gnu::noinline]] void check_bytes(uint8_t* state, bool is_write, uintptr_t address, unsigned size,
                                   uintptr_t pc) {
  for (unsigned i = 0; i < size; ++i) {
    if (state[i] == kWritten) continue;
    if (state[i] == kNothing)
      bad_access(is_write ? "a write out of bounds" : "a read out of bounds", address + i, size, pc);
    if (state[i] == kInFlight)
      bad_access(is_write ? "a write over a cp.async that has not been waited for"
                          : "a read of a cp.async that has not been waited for",
                 address, size, pc);
    if (!is_write) bad_access("a read of what was never written", address + i, size, pc);
    state[i] = kWritten;
  }
}

[[gnu::always_inline]] inline bool all_written(const uint8_t* state, unsigned size) {
  constexpr uint64_t kEight = 0x0101010101010101u * kWritten;
  uint64_t bytes[2] = {kEight, kEight};
  if (size > sizeof(bytes)) return false;
  std::memcpy(bytes, state, size);
  return ((bytes[0] ^ kEight) | (bytes[1] ^ kEight)) == 0;
}

// Inline, so that each of the sanitizer's functions has one of its kind and size.
[[gnu::always_inline]] inline void check(Access kind, uintptr_t address, unsigned size, uintptr_t pc) {
  const Lane* const self = current;
  if (self == nullptr || address - self->stack_low < kStackBytes) return;
  const bool is_write = kind != Access::kRead;
  if (!memory.contains(address)) return host_access(address, size, is_write, pc);
  ++totals.accesses;
  if (memory.is_shared(address) && address - self->block->shared >= kWindowBytes)
    bad_access("an access to another block's shared memory", address, size, pc);
  if ((size & (size - 1)) == 0 && address % size != 0) bad_access("a misaligned access", address, size, pc);
  uint8_t* const state = memory.state_of(address);
  if (!all_written(state, size)) check_bytes(state, is_write, address, size, pc);
  const uint32_t flags = kind == Access::kAtomic ? kAtomic : 0;
  if (is_write)
    record_words<write>(address, size, *self, pc, flags);
  else
    record_words<read>(address, size, *self, pc, flags);
}

[[gnu::always_inline]] inline void hook(Access kind, void* p, unsigned size, uintptr_t pc) {
  check(kind, reinterpret_cast<uintptr_t>(p), size, pc);
  if (options.counts_traffic && current != nullptr) count_traffic(reinterpret_cast<uintptr_t>(p), size, pc);
  if (options.preempt_every == 0 || current == nullptr || --launched.until_preempted > 0) return;
  launched.until_preempted =
      1 + static_cast<int>(random_below(2 * static_cast<uint32_t>(options.preempt_every)));
  yield();
}

}  // namespace

void access(Access kind, uintptr_t address, unsigned size, uintptr_t pc) { check(kind, address, size, pc); }

void record_write(uintptr_t address, unsigned size, Lane& lane, uintptr_t pc) {
  record_words<write>(address, size, lane, pc, 0);
}

}  // namespace gpu::emulated

// What -fsanitize=thread calls before each load and store of a kernel: the emulator in place of libtsan.
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
