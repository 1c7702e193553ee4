#include "traffic.h"

#include <algorithm>
#include <map>
#include <tuple>
#include <unordered_set>

#include "memory.h"

namespace gpu::emulated {
namespace {

constexpr uintptr_t kSectorBytes = 32;

// One access of a warp: the addresses of those lanes that take part.
struct Together {
  unsigned lanes = 0;
  std::array<uintptr_t, 32> address;
};
struct Instruction {
  unsigned size = 0;
  std::array<size_t, 32> times = {};  // that each lane has come to it
  std::vector<Together> accesses;
};
using Place = std::tuple<const Block*, int, uintptr_t>;  // block, warp, code

std::map<Place, Instruction> instructions;
std::unordered_set<uintptr_t> sectors;

uint64_t waves_of(const Together& access, unsigned size, int first, int lanes) {
  std::array<std::vector<uintptr_t>, 32> words;
  for (int i = first; i < first + lanes; ++i) {
    if ((access.lanes >> i & 1) == 0) continue;
    const uintptr_t at = access.address[static_cast<size_t>(i)];
    for (uintptr_t word = at / 4; word <= (at + size - 1) / 4; ++word) {
      std::vector<uintptr_t>& bank = words[word % 32];
      if (std::ranges::find(bank, word) == bank.end()) bank.push_back(word);
    }
  }
  size_t most = 0;
  for (const auto& bank : words) most = std::max(most, bank.size());
  return most;
}

void add_up(const Instruction& instruction) {
  const int lanes = instruction.size <= 4 ? 32 : instruction.size <= 8 ? 16 : 8;
  for (const Together& access : instruction.accesses)
    for (int first = 0; first < 32; first += lanes) {
      const uint64_t waves = waves_of(access, instruction.size, first, lanes);
      totals.shared_phases += waves > 0 ? 1 : 0;
      totals.shared_waves += waves;
    }
}

}  // namespace

void count_traffic(uintptr_t address, unsigned size, uintptr_t pc) {
  if (!memory.contains(address)) return;  // its stack, or parameters
  if (!memory.is_shared(address)) {
    for (uintptr_t s = address / kSectorBytes; s <= (address + size - 1) / kSectorBytes; ++s)
      sectors.insert(s);
    return;
  }
  const auto lane = static_cast<size_t>(current->thread % 32);
  Instruction& instruction = instructions[{current->block, current->warp->index, pc}];
  instruction.size = size;
  const size_t time = instruction.times[lane]++;
  if (instruction.accesses.size() <= time) instruction.accesses.resize(time + 1);
  Together& access = instruction.accesses[time];
  access.lanes |= 1u << lane;
  access.address[lane] = address;
}

void end_traffic_of(const Block& block) {
  const auto first = instructions.lower_bound({&block, 0, 0});
  auto last = first;
  for (; last != instructions.end() && std::get<0>(last->first) == &block; ++last) add_up(last->second);
  instructions.erase(first, last);
}

void end_traffic() {
  totals.global_bytes += sectors.size() * kSectorBytes;
  forget_traffic();
}

void forget_traffic() {
  instructions.clear();
  sectors.clear();
}

}  // namespace gpu::emulated
