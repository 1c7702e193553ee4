// Runs a grid: blocks in a drawn order, some of them side by side, their warps and lanes in a drawn order
// too.
#include <sys/mman.h>

#include <algorithm>
#include <bit>
#include <cstring>
#include <map>

#include "accesses.h"
#include "collectives.h"
#include "fiber.h"
#include "happened_before.h"
#include "report.h"
#include "traffic.h"

namespace gpu::emulated {

Launch launched;
Lane* current = nullptr;
Clock clock_now = 0;
Options options;
Counts totals = {};

namespace {

uint64_t random_state = 1;
Observer observer = nullptr;

// The stacks of all resident threads, each with a page below it that no thread may touch.
class Stacks {
 public:
  char* of(int slot, int thread) {
    constexpr size_t kEach = kStackBytes + 4096;
    const size_t wanted = static_cast<size_t>(options.resident_blocks) * 1024;
    if (wanted > count_) {
      if (first_ != nullptr) munmap(first_, count_ * kEach);
      void* p = mmap(nullptr, wanted * kEach, PROT_READ | PROT_WRITE,
                     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
      if (p == MAP_FAILED) throw Fault("no memory for stacks");
      first_ = static_cast<char*>(p);
      count_ = wanted;
      protected_ = 0;
    }
    const size_t index = static_cast<size_t>(slot) * 1024 + static_cast<size_t>(thread);
    for (; protected_ <= index; ++protected_) mprotect(first_ + protected_ * kEach, 4096, PROT_NONE);
    return first_ + index * kEach + 4096;
  }

 private:
  char* first_ = nullptr;
  size_t count_ = 0;
  size_t protected_ = 0;
} stacks;

std::unique_ptr<Block> begin_block(uint32_t number, int slot) {
  auto block = std::make_unique<Block>();
  const auto n = static_cast<int>(number);
  const Index& grid = launched.grid;
  block->number = number;
  block->slot = slot;
  block->index = {n % grid.x, n / grid.x % grid.y, n / grid.x / grid.y};
  block->begin = clock_now;
  block->shared = memory.base + kGlobalBytes + static_cast<uintptr_t>(slot) * kWindowBytes;
  block->running = launched.threads;
  block->lanes.resize(static_cast<size_t>(launched.threads));
  block->warps.resize(static_cast<size_t>((launched.threads + 31) / 32));
  for (size_t w = 0; w < block->warps.size(); ++w) {
    Warp& warp = block->warps[w];
    warp.index = static_cast<int>(w);
    warp.now = ++clock_now;
    warp.knows.assign(block->warps.size(), launched.begin);
    const int lanes = std::min(32, launched.threads - warp.index * 32);
    warp.lanes = lanes == 32 ? kAllLanes : (1u << lanes) - 1;
  }
  for (int t = 0; t < launched.threads; ++t) {
    Lane& lane = block->lanes[static_cast<size_t>(t)];
    char* low = stacks.of(slot, t);
    lane.stack_low = reinterpret_cast<uintptr_t>(low);
    lane.sp = fresh_stack(low + kStackBytes - t * 192 % 4096);  // so that stacks do not share cache sets
    lane.block = block.get();
    lane.warp = &block->warps[static_cast<size_t>(t / 32)];
    lane.thread = t;
    lane.who = (number & 0x1ffff) << 10 | static_cast<uint32_t>(t);
  }
  ++totals.blocks;
  totals.threads += static_cast<uint64_t>(launched.threads);
  return block;
}

void end_block(Block& block) {
  std::memset(memory.state_of(block.shared), kNothing, static_cast<size_t>(block.shared_layout));
}

// Runs the lanes of a warp until none can go on.
void run(Block& block, Warp& warp) {
  const auto lane_at = [&](unsigned i) -> Lane& {
    return block.lanes[static_cast<size_t>(warp.index) * 32 + i];
  };
  do {
    warp.ready = false;
    const unsigned start = random_below(32), step = random_below(16) * 2 + 1;
    for (unsigned i = 0; i < 32; ++i) {
      const unsigned l = (start + i * step) & 31;
      if ((warp.lanes >> l & 1) == 0) continue;
      Lane& lane = lane_at(l);
      if (lane.doing != Doing::kReady) continue;
      current = &lane;
      gpu_emulator_switch(&launched.scheduler, lane.sp);
      current = nullptr;
      if (!launched.fault.empty()) throw Fault(launched.fault);
      if (lane.doing == Doing::kReady) warp.ready = true;
    }
    if (warp.mixed) sort_out(block, warp);
    for (unsigned left = warp.lanes; left != 0 && !warp.ready; left &= left - 1)
      warp.ready = lane_at(static_cast<unsigned>(std::countr_zero(left))).doing == Doing::kReady;
  } while (warp.ready && random_below(4) != 0);
}

// One turn of a resident block; whether any of its warps could go on.
bool run(Block& block) {
  bool went_on = false;
  const auto warps = static_cast<uint32_t>(block.warps.size());
  const uint32_t start = random_below(warps);
  for (uint32_t w = 0; w < warps; ++w) {
    Warp& warp = block.warps[(start + w) % warps];
    if (!warp.ready) continue;
    went_on = true;
    run(block, warp);
  }
  return went_on;
}

std::string who_waits() {
  std::map<std::pair<Doing, uintptr_t>, int> groups;
  std::string all;
  for (const auto& block : launched.resident)
    for (const Lane& lane : block->lanes) ++groups[{lane.doing, lane.doing == Doing::kDone ? 0 : lane.pc}];
  for (const auto& [what, count] : groups) {
    all += text("\n    %d threads ", count);
    all += what.first == Doing::kDone      ? "have ended"
           : what.first == Doing::kBarrier ? "wait at the barrier " + place_of(what.second)
                                           : "wait for their warp at " + place_of(what.second);
  }
  return all;
}

void run_grid() {
  const Index& g = launched.grid;
  std::vector<uint32_t> order(static_cast<size_t>(g.x) * static_cast<size_t>(g.y) * static_cast<size_t>(g.z));
  for (size_t i = 0; i < order.size(); ++i) order[i] = static_cast<uint32_t>(i);
  for (size_t i = order.size(); i > 1; --i)
    std::swap(order[i - 1], order[random_below(static_cast<uint32_t>(i))]);
  std::vector<int> free_slots;
  for (int i = 0; i < options.resident_blocks; ++i) free_slots.push_back(i);
  auto& resident = launched.resident;
  for (size_t next = 0; next < order.size() || !resident.empty();) {
    for (; next < order.size() && !free_slots.empty(); free_slots.pop_back())
      resident.push_back(begin_block(order[next++], free_slots.back()));
    bool went_on = false;
    const size_t first = random_below(static_cast<uint32_t>(resident.size()));
    for (size_t i = 0; i < resident.size(); ++i)
      went_on = run(*resident[(first + i) % resident.size()]) || went_on;
    if (!went_on) throw Fault(text("%s: no thread can go on", launched.kernel->name) + who_waits());
    std::erase_if(resident, [&](const auto& block) {
      if (block->running > 0) return false;
      end_traffic_of(*block);
      end_block(*block);
      free_slots.push_back(block->slot);
      return true;
    });
  }
}

std::map<std::string_view, const Kernel*>& kernels() {
  static std::map<std::string_view, const Kernel*> all;
  return all;
}

void check_launch(const Kernel& k, const Index& g, int threads, int shared_bytes) {
  if (g.x <= 0 || g.y <= 0 || g.z <= 0 || g.y > 65535 || g.z > 65535)
    throw Fault(text("%s: a grid of %d × %d × %d", k.name, g.x, g.y, g.z));
  if (int64_t{g.x} * g.y * g.z > 0x1ffff)  // as records name blocks
    throw Fault(text("%s: a grid of %d × %d × %d is more than the emulator takes", k.name, g.x, g.y, g.z));
  if (threads <= 0 || threads > k.most_threads)
    throw Fault(text("%s: %d threads where at most %d may be", k.name, threads, k.most_threads));
  if (shared_bytes > options.shared_limit)
    throw Fault(text("%s: %d bytes of shared memory, and a block has %d", k.name, shared_bytes,
                     options.shared_limit));
}

}  // namespace

uint32_t random_below(uint32_t n) {
  random_state ^= random_state << 13;
  random_state ^= random_state >> 7;
  random_state ^= random_state << 17;
  return static_cast<uint32_t>((random_state >> 32) * n >> 32);
}

void yield() {
  ++totals.switches;
  Lane* self = current;
  gpu_emulator_switch(&self->sp, launched.scheduler);
}

// The first function on a thread's stack.
extern "C" void gpu_emulator_thread() {
  launched.kernel->thread(launched.params);
  Lane& self = *current;
  if (!self.copies.empty())
    fail_here("a thread ends with copies in flight\n    " + thread_of(self.who) + ", begun at " +
              place_of(self.copies[0].pc));
  self.doing = Doing::kDone;
  --self.block->running;
  yield();
  __builtin_trap();
}

void set_options(const Options& o) { options = o; }
const Counts& counts() { return totals; }
void reset_counts() { totals = {}; }
void set_observer(Observer o) { observer = o; }

Kernel::Kernel(const char* n, size_t bytes, int threads_most, void (*t)(const void*))
    : name(n), param_bytes(bytes), most_threads(threads_most), thread(t) {
  kernels()[n] = this;
}

const Kernel* find_kernel(std::string_view name) {
  const auto found = kernels().find(name);
  return found == kernels().end() ? nullptr : found->second;
}

void launch(const Kernel& kernel, Index grid, int threads, int shared_bytes, const void* params) {
  check_launch(kernel, grid, threads, shared_bytes);
  std::vector<std::byte> copy(kernel.param_bytes);
  std::memcpy(copy.data(), params, kernel.param_bytes);
  launched = {.kernel = &kernel,
              .params = copy.data(),
              .grid = grid,
              .threads = threads,
              .shared_bytes = shared_bytes,
              .begin = clock_now};
  forget_atomics();
  forget_traffic();
  random_state = options.seed * 0x9e3779b97f4a7c15ull | 1;
  struct End {
    ~End() {
      for (const auto& block : launched.resident) end_block(*block);
      launched.resident.clear();
      launched.kernel = nullptr;
      current = nullptr;
      ++clock_now;
    }
  } end;
  run_grid();
  end_traffic();
  if (observer != nullptr) observer(kernel, grid, threads, shared_bytes);
}

}  // namespace gpu::emulated
