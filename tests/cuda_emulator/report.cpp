#include "report.h"

#include <dlfcn.h>
#include <link.h>
#include <unistd.h>

#include <algorithm>
#include <cstdarg>
#include <cstdio>
#include <cstring>

#include "emulator.h"
#include "fiber.h"
#include "launch.h"
#include "memory.h"

namespace gpu::emulated {
namespace {

// The program or library that the kernels are in.
struct Module {
  uintptr_t base = 0, end = 0;
  std::string file;

  Module() {
    Dl_info info;
    dladdr(reinterpret_cast<void*>(&thread_of), &info);
    base = reinterpret_cast<uintptr_t>(info.dli_fbase);
    dl_iterate_phdr(
        [](dl_phdr_info* one, size_t, void* self) {
          auto& m = *static_cast<Module*>(self);
          uintptr_t end = 0;
          bool is_it = false;
          for (int i = 0; i < one->dlpi_phnum; ++i) {
            const auto& part = one->dlpi_phdr[i];
            if (part.p_type != PT_LOAD) continue;
            const uintptr_t first = one->dlpi_addr + part.p_vaddr;
            is_it = is_it || (first <= m.base && m.base < first + part.p_memsz);
            end = std::max<uintptr_t>(end, first + part.p_memsz);
          }
          if (!is_it) return 0;
          m.end = end;
          m.file = one->dlpi_name[0] != 0 ? one->dlpi_name : text("/proc/%d/exe", getpid());
          return 1;
        },
        this);
  }
};

const Module& module() {
  static const Module m;
  return m;
}

// The array that an address of the device's memory belongs to, or lies behind.
std::string array_at(uintptr_t address) {
  const uint8_t* state = memory.state;
  const uintptr_t at = address - memory.base;
  const char* kind = memory.is_shared(address) ? " shared" : "n";
  uintptr_t last = at;
  while (last > 0 && at - last < 65536 && state[last] == kNothing) --last;
  if (state[last] == kNothing) return text("address %#lx, far from any array", address);
  uintptr_t first = last;
  while (first > 0 && state[first - 1] != kNothing) --first;
  if (last < at)
    return text("%lu bytes behind a%s array of %lu bytes", at - last - 1, kind, last + 1 - first);
  while (state[last] != kNothing) ++last;
  return text("byte %lu of a%s array of %lu bytes", at - first, kind, last - first);
}

}  // namespace

std::string text(const char* format, ...) {
  char buffer[1024];
  va_list list;
  va_start(list, format);
  std::vsnprintf(buffer, sizeof buffer, format, list);
  va_end(list);
  return buffer;
}

bool is_constant(uintptr_t address) { return address - module().base < module().end - module().base; }

std::string place_of(uintptr_t pc) {
  const std::string command =
      text("addr2line -i -s -e %s %#lx 2>/dev/null", module().file.c_str(), pc - module().base - 1);
  std::string place;
  if (FILE* pipe = popen(command.c_str(), "r")) {
    char line[256];
    while (std::fgets(line, sizeof line, pipe) != nullptr) {
      line[std::strcspn(line, " \n")] = 0;
      if (std::strncmp(line, "gpu", 3) == 0) continue;  // the primitives themselves
      place += place.empty() ? line : std::string(" < ") + line;
    }
    pclose(pipe);
  }
  return place;
}

std::string place_of_short(uint32_t pc) {
  const uintptr_t base = module().base;
  return place_of(base + static_cast<uint32_t>(pc - static_cast<uint32_t>(base)));
}

std::string thread_of(uint32_t who) {
  const Index& grid = launched.grid;
  const auto number = static_cast<int>(who >> 10 & 0x1ffff);
  return text("thread %u of block (%d, %d, %d)", who & 1023, number % grid.x, number / grid.x % grid.y,
              number / grid.x / grid.y);
}

void fail_here(const std::string& what) {
  const std::string message =
      (launched.kernel != nullptr ? std::string(launched.kernel->name) : "host") + ": " + what;
  if (current == nullptr) throw Fault(message);
  launched.fault = message;
  void* lost;
  current = nullptr;
  gpu_emulator_switch(&lost, launched.scheduler);
  __builtin_unreachable();
}

void bad_access(const char* what, uintptr_t address, unsigned size, uintptr_t pc) {
  const std::string where = memory.contains(address) ? array_at(address) : text("address %#lx", address);
  const std::string who = current != nullptr ? thread_of(current->who) : "the host";
  fail_here(text("%s, %u bytes at %s\n    by %s at ", what, size, where.c_str(), who.c_str()) + place_of(pc));
}

}  // namespace gpu::emulated
