// A kernel as the emulator knows it: its name, its parameters' size, and what one thread of it does.
#pragma once
#include <cstddef>

namespace gpu::emulated {

struct Kernel {
  Kernel(const char* name, size_t param_bytes, int most_threads, void (*thread)(const void*));
  const char* name;
  size_t param_bytes;
  int most_threads;
  void (*thread)(const void*);
};

}  // namespace gpu::emulated
