// The report of a fault: the kernel, the threads, and the lines of their source.
#pragma once
#include <cstdint>
#include <string>

namespace gpu::emulated {

[[gnu::format(printf, 1, 2)]] std::string text(const char* format, ...);

// The low half of an address of code: enough to tell it, since the program or library that the kernels are in
// is smaller than 4 GiB.
inline uint32_t short_pc(uintptr_t pc) { return static_cast<uint32_t>(pc); }
bool is_constant(
    uintptr_t address);  // whether it lies in that program: in its tables, as the kernels' constants do

// file:line of a return address, with those that it was inlined into; empty where addr2line is missing.
std::string place_of(uintptr_t pc);
std::string place_of_short(uint32_t pc);
std::string thread_of(uint32_t who);  // "thread 3 of block (0, 1, 0)"

// Ends the launch with a Fault: the scheduler throws it, and no thread of the launch runs again.
[[noreturn]] void fail_here(const std::string& what);
// A fault of an access, with the array that it should have kept to.
[[noreturn]] void bad_access(const char* what, uintptr_t address, unsigned size, uintptr_t pc);

}  // namespace gpu::emulated
