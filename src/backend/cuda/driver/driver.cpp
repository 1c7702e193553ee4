#include "backend/cuda/driver/driver.h"

#include <dlfcn.h>

#include "base/error.h"

namespace ferrum::cuda {

Driver load_driver(const std::string& library) {
  void* const handle = dlopen(library.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (handle == nullptr) {
    const char* const why = dlerror();
    fail(ErrorCode::kUnsupported, "there is no NVIDIA driver here: {}", why == nullptr ? library : why);
  }
  Driver driver;
#define FERRUM_CUDA_FIND(name, ...)                                                                         \
  driver.name = reinterpret_cast<Result (*)(__VA_ARGS__)>(dlsym(handle, #name));                            \
  if (driver.name == nullptr)                                                                               \
    fail(ErrorCode::kUnsupported, "the NVIDIA driver is too old: {} has no {}, which came with CUDA {}.{}", \
         library, #name, kLeastDriverVersion / 1000, kLeastDriverVersion % 1000 / 10);
  FERRUM_CUDA_CALLS(FERRUM_CUDA_FIND)
#undef FERRUM_CUDA_FIND
  return driver;
}

}  // namespace ferrum::cuda
