// The primitives that gpu.h promises, of the lane that runs.
#include <bit>
#include <cmath>
#include <cstring>

#include "accesses.h"
#include "backend/cuda/device/gpu.h"
#include "barriers.h"
#include "collectives.h"
#include "happened_before.h"
#include "report.h"
#include "traffic.h"

#define HERE GPU_EMULATOR_CALLER

namespace gpu::emulated {
namespace {

// One of a vector.
void access_whole(Access kind, const void* p, unsigned bytes, uintptr_t pc) {
  access(kind, reinterpret_cast<uintptr_t>(p), bytes, pc);
  if (options.counts_traffic) count_traffic(reinterpret_cast<uintptr_t>(p), bytes, pc);
}

// An asynchronous copy arrives: its bytes are there from now on, written by the lane that issued it.
void complete(Lane& self, const AsyncCopy& copy) {
  record_write(copy.to, 16, self, copy.pc);
  std::memcpy(reinterpret_cast<void*>(copy.to), copy.from, static_cast<size_t>(copy.bytes));
  std::memset(reinterpret_cast<void*>(copy.to + static_cast<uintptr_t>(copy.bytes)), 0,
              static_cast<size_t>(16 - copy.bytes));
  std::memset(memory.state_of(copy.to), kWritten, 16);
}

}  // namespace

void* shared_array(int* real, int* window, int bytes) {
  Block& block = *current->block;
  *real = (*real + 15) / 16 * 16;
  const int first = (*window + 127) / 128 * 128;  // nothing lies between arrays here
  *real += bytes;
  *window = first + bytes + 64;
  if (*real > launched.shared_bytes)
    fail_here(text("shared arrays take %d bytes, and the launch asks for %d", *real, launched.shared_bytes));
  if (*window > static_cast<int>(kWindowBytes))
    fail_here(text("shared arrays take %d bytes with their gaps", *window));
  void* array = reinterpret_cast<void*>(block.shared + static_cast<uintptr_t>(first));
  if (first + bytes > block.shared_layout) {
    std::memset(memory.state_of(block.shared) + first, kUnwritten, static_cast<size_t>(bytes));
    std::memset(array, 0xff, static_cast<size_t>(bytes));
    block.shared_layout = first + bytes;
  }
  return array;
}

uint32_t shuffle(uint32_t x, int from, bool is_xor, unsigned mask, int line) {
  const ShuffleArgs args = {&x, from, is_xor};
  collective(Kind::kShuffle, mask, &args, line, HERE);
  return x;
}

void load(void* to, const void* from, unsigned bytes) {
  access_whole(Access::kRead, from, bytes, HERE);
  std::memcpy(to, from, bytes);
}

void store(void* to, const void* from, unsigned bytes) {
  access_whole(Access::kWrite, to, bytes, HERE);
  std::memcpy(to, from, bytes);
}

void cp_async_wait(int groups_left) {
  Lane& self = *current;
  size_t kept = 0;
  for (const AsyncCopy& copy : self.copies) {
    if (copy.group < self.copy_group - groups_left)
      complete(self, copy);
    else
      self.copies[kept++] = copy;
  }
  self.copies.resize(kept);
}

float f16_to_float(uint16_t x) {
  const uint32_t sign = static_cast<uint32_t>(x & 0x8000) << 16;
  const uint32_t exponent = x >> 10 & 31, mantissa = x & 1023;
  if (exponent == 31) return std::bit_cast<float>(sign | 0x7f800000 | mantissa << 13);
  if (exponent == 0)
    return std::copysign(static_cast<float>(mantissa) * 0x1p-24f, std::bit_cast<float>(sign | 0x3f800000));
  return std::bit_cast<float>(sign | (exponent + 112) << 23 | mantissa << 13);
}

uint16_t float_to_f16(float x) {
  const auto sign = static_cast<uint16_t>(std::bit_cast<uint32_t>(x) >> 16 & 0x8000);
  const float a = std::fabs(x);
  if (std::isnan(a)) return static_cast<uint16_t>(sign | 0x7fff);
  if (a >= 65520) return static_cast<uint16_t>(sign | 0x7c00);  // nearer to 2^16 than to the largest
  if (a < 0x1p-14f) return static_cast<uint16_t>(sign | static_cast<uint16_t>(std::nearbyint(a * 0x1p24f)));
  const auto bits = std::bit_cast<uint32_t>(a);  // to nearest, ties to even; a carry may enter the exponent
  return static_cast<uint16_t>(sign | ((bits - (112u << 23) + 0xfffu + (bits >> 13 & 1)) >> 13));
}

}  // namespace gpu::emulated

namespace gpu {
using namespace emulated;

int thread_index() { return current->thread; }
int block_threads() { return launched.threads; }
Index block_index() { return current->block->index; }
Index grid_size() { return launched.grid; }

void sync_block(int line) { at_barrier(0, launched.threads, true, line, HERE); }
void sync_named(int id, int threads, int line) { at_barrier(id, threads, true, line, HERE); }
void arrive_named(int id, int threads, int line) { at_barrier(id, threads, false, line, HERE); }
void sync_warp(unsigned mask, int line) {
  collective(Kind::kSyncWarp, mask == kAllLanes ? current->warp->lanes : mask, nullptr, line, HERE);
}
unsigned ballot(bool x, unsigned mask, int line) {
  unsigned result = 0;
  const BallotArgs args = {x, &result};
  collective(Kind::kBallot, mask, &args, line, HERE);
  return result;
}

void cp_async_16(void* shared, const void* global, int bytes) {
  Lane& self = *current;
  const auto to = reinterpret_cast<uintptr_t>(shared), from = reinterpret_cast<uintptr_t>(global);
  if (to - self.block->shared >= kWindowBytes)
    bad_access("cp.async to outside of shared memory", to, 16, HERE);
  if (from - memory.base >= kGlobalBytes)
    bad_access("cp.async from outside of global memory", from, 16, HERE);
  if (to % 16 != 0 || from % 16 != 0) bad_access("a misaligned cp.async", to % 16 != 0 ? to : from, 16, HERE);
  if (bytes < 0 || bytes > 16) fail_here(text("cp.async of %d bytes\n    at ", bytes) + place_of(HERE));
  if (bytes == 16) {
    access(Access::kRead, from, 16, HERE);
  } else {
    for (int i = 0; i < bytes; ++i) access(Access::kRead, from + static_cast<uintptr_t>(i), 1, HERE);
  }
  access_whole(Access::kWrite, shared, 16, HERE);
  if (options.counts_traffic && bytes > 0) count_traffic(from, static_cast<unsigned>(bytes), HERE);
  std::memset(memory.state_of(to), kInFlight, 16);
  self.copies.push_back({to, global, bytes, self.copy_group, HERE});
}
void cp_async_commit() { ++current->copy_group; }

void ldmatrix_x4(uint32_t (&d)[4], const void* row, int line) {
  const MatrixArgs args = {d, reinterpret_cast<uintptr_t>(row), false};
  collective(Kind::kLoadMatrix, kAllLanes, &args, line, HERE);
}
void ldmatrix_x4_trans(uint32_t (&d)[4], const void* row, int line) {
  const MatrixArgs args = {d, reinterpret_cast<uintptr_t>(row), true};
  collective(Kind::kLoadMatrix, kAllLanes, &args, line, HERE);
}
void mma_bf16(float (&d)[4], const uint32_t (&a)[4], uint32_t b0, uint32_t b1, int line) {
  const MmaArgs args = {d, a, {b0, b1}};
  collective(Kind::kMmaBf16, kAllLanes, &args, line, HERE);
}
void mma_f16(float (&d)[4], const uint32_t (&a)[4], uint32_t b0, uint32_t b1, int line) {
  const MmaArgs args = {d, a, {b0, b1}};
  collective(Kind::kMmaF16, kAllLanes, &args, line, HERE);
}
void mma_tf32(float (&d)[4], const uint32_t (&a)[4], uint32_t b0, uint32_t b1, int line) {
  const MmaArgs args = {d, a, {b0, b1}};
  collective(Kind::kMmaTf32, kAllLanes, &args, line, HERE);
}
void mma_s8(int32_t (&d)[4], const uint32_t (&a)[4], uint32_t b0, uint32_t b1, int line) {
  const MmaArgs args = {d, a, {b0, b1}};
  collective(Kind::kMmaS8, kAllLanes, &args, line, HERE);
}

uint32_t add_bf16x2(uint32_t a, uint32_t b) {
  const uint32_t low = to_bf16(from_bf16(static_cast<uint16_t>(a)) + from_bf16(static_cast<uint16_t>(b)));
  const uint32_t high =
      to_bf16(from_bf16(static_cast<uint16_t>(a >> 16)) + from_bf16(static_cast<uint16_t>(b >> 16)));
  return high << 16 | low;
}

uint32_t add_acq_rel(uint32_t* p, uint32_t value) {
  const auto address = reinterpret_cast<uintptr_t>(p);
  access(Access::kAtomic, address, 4, HERE);
  meet_at_atomic(*current, address);
  const uint32_t old = *p;
  *p = old + value;
  return old;
}

}  // namespace gpu
