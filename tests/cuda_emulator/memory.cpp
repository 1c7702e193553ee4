#include "memory.h"

#include <sys/mman.h>

#include <algorithm>
#include <bit>
#include <cstring>
#include <map>
#include <unordered_map>

#include "emulator.h"
#include "report.h"

namespace gpu::emulated {
namespace {

void* reserve(size_t bytes) {
  void* p = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (p == MAP_FAILED) throw Fault(text("no room for %zu bytes of addresses", bytes));
  madvise(p, bytes, MADV_HUGEPAGE);  // records take eight times the memory that they are of
  return p;
}

// Which arrays there are. Between two of them lie 256 bytes or more that belong to no array.
struct Allocations {
  uintptr_t next_free = 4096;
  std::unordered_map<uintptr_t, size_t> bytes;
  std::multimap<size_t, uintptr_t> released;  // by room

  // Up to an eighth more, so that arrays of about the same size take each other's place: what no array had
  // before costs nine times as much memory, and the time to clear it.
  static size_t room_for(size_t size) {
    const size_t step = std::max<size_t>(256, std::bit_floor(size) / 8);
    return (size + 256 + step - 1) / step * step;
  }
} allocations;

void check_range(const void* device, size_t bytes, const char* what) {
  const uintptr_t at = reinterpret_cast<uintptr_t>(device) - memory.base;
  if (at >= kDeviceBytes || bytes > kDeviceBytes - at) throw Fault(text("%s: not the device's memory", what));
  for (size_t i = 0; i < bytes; ++i)
    if (memory.state[at + i] == kNothing)
      throw Fault(text("%s: byte %zu of %zu is out of bounds", what, i, bytes));
}

}  // namespace

Memory memory;

Memory::Memory() {
  base = (reinterpret_cast<uintptr_t>(reserve(kDeviceBytes + 4096)) + 255) & ~uintptr_t{255};
  state = static_cast<uint8_t*>(reserve(kDeviceBytes));
  records = static_cast<Record*>(reserve(kDeviceBytes / 4 * sizeof(Record)));
}

void* allocate(size_t bytes) {
  const size_t room = Allocations::room_for(bytes);
  uintptr_t at;
  if (const auto found = allocations.released.find(room); found != allocations.released.end()) {
    at = found->second;
    allocations.released.erase(found);
  } else {
    if (room > kGlobalBytes - allocations.next_free) throw Fault(text("out of memory for %zu bytes", bytes));
    at = allocations.next_free;
    allocations.next_free += room;
  }
  std::memset(memory.state + at, kUnwritten, bytes);
  std::memset(reinterpret_cast<void*>(memory.base + at), 0xff, bytes);  // NaN as f32, bf16 and f16
  allocations.bytes[at] = bytes;
  return reinterpret_cast<void*>(memory.base + at);
}

void release(void* p) {
  const uintptr_t at = reinterpret_cast<uintptr_t>(p) - memory.base;
  const auto found = allocations.bytes.find(at);
  if (found == allocations.bytes.end()) throw Fault("released what was not allocated");
  std::memset(memory.state + at, kNothing, found->second);
  allocations.released.emplace(Allocations::room_for(found->second), at);
  allocations.bytes.erase(found);
}

void copy_in(void* device, const void* host, size_t bytes) {
  check_range(device, bytes, "copy to the device");
  std::memcpy(device, host, bytes);
  std::memset(memory.state_of(reinterpret_cast<uintptr_t>(device)), kWritten, bytes);
}

void copy_out(void* host, const void* device, size_t bytes) {
  check_range(device, bytes, "copy from the device");
  const uint8_t* state = memory.state_of(reinterpret_cast<uintptr_t>(device));
  for (size_t i = 0; i < bytes; ++i)
    if (state[i] != kWritten)
      throw Fault(text("copy from the device: byte %zu of %zu was never written", i, bytes));
  std::memcpy(host, device, bytes);
}

void copy_within(void* to, const void* from, size_t bytes) {
  check_range(from, bytes, "copy within the device");
  check_range(to, bytes, "copy within the device");
  std::memmove(to, from, bytes);
  std::memmove(memory.state_of(reinterpret_cast<uintptr_t>(to)),
               memory.state_of(reinterpret_cast<uintptr_t>(from)), bytes);
}

void fill(void* device, uint8_t value, size_t bytes) {
  check_range(device, bytes, "fill");
  std::memset(device, value, bytes);
  std::memset(memory.state_of(reinterpret_cast<uintptr_t>(device)), kWritten, bytes);
}

}  // namespace gpu::emulated
