// What is known of a running grid: its lanes, warps, blocks and barriers.
#pragma once
#include <array>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "emulator.h"

namespace gpu::emulated {

// Time of happens-before. Each warp has its own; a synchronisation begins a new one.
using Clock = uint32_t;

enum class Kind : uint8_t {
  kNone,
  kShuffle,
  kBallot,
  kSyncWarp,
  kLoadMatrix,
  kMmaBf16,
  kMmaF16,
  kMmaTf32,
  kMmaS8
};
enum class Doing : uint8_t { kReady, kCollective, kBarrier, kDone };

struct AsyncCopy {
  uintptr_t to;
  const void* from;
  int bytes;
  int group;
  uintptr_t pc;
};

struct Warp;
struct Block;

struct Lane {
  void* sp = nullptr;
  uintptr_t stack_low = 0;
  Block* block = nullptr;
  Warp* warp = nullptr;
  int thread = 0;
  uint32_t who = 0;  // block and thread as records name them
  Doing doing = Doing::kReady;
  Kind kind = Kind::kNone;
  unsigned mask = 0;
  const void* args = nullptr;
  int line = 0;      // of the call that waits, in whatever file
  uintptr_t pc = 0;  // where it returns to
  int barrier = 0;
  int copy_group = 0;
  std::vector<AsyncCopy> copies;
};

struct Warp {
  int index = 0;
  Clock now = 0;                                // of what its lanes do until the next synchronisation
  Clock all_know = 0;                           // what any lane did until then, all lanes know
  std::vector<Clock> lanes_know;                // [32 × 32], only after synchronisations of part of a warp
  std::vector<Clock> knows;                     // of each warp of the block
  std::unordered_map<uint32_t, Clock> foreign;  // of warps of other blocks, through atomics
  unsigned lanes = 0;                           // that exist
  unsigned arrived = 0;                         // at one collective
  Kind kind = Kind::kNone;
  unsigned mask = 0;
  int line = 0;
  bool mixed = false;  // lanes wait at different collectives
  bool ready = true;
};

struct Barrier {
  int arrived = 0;
  int expected = 0;
  std::vector<uint8_t> warps;  // 1: waits, 2: arrives only
};

struct Block {
  Index index;
  uint32_t number = 0;
  int slot = 0;
  Clock begin = 0;
  uintptr_t shared = 0;   // its window
  int shared_layout = 0;  // how much of the window is laid out
  int running = 0;
  std::vector<Lane> lanes;
  std::vector<Warp> warps;
  std::array<Barrier, 16> barriers;
};

struct Launch {
  const Kernel* kernel = nullptr;
  const void* params = nullptr;
  Index grid = {};
  int threads = 0;
  int shared_bytes = 0;  // requested
  Clock begin = 0;
  int until_preempted = 1;  // accesses
  std::string fault;
  void* scheduler = nullptr;  // its stack while a lane runs
  std::vector<std::unique_ptr<Block>> resident;
};

extern Launch launched;
extern Lane* current;  // null while no lane runs
extern Clock clock_now;
extern Options options;
extern Counts totals;

uint32_t random_below(uint32_t n);
void yield();  // to the scheduler

}  // namespace gpu::emulated
