#include "backend/cuda/device_code.h"

#ifdef FERRUM_CUDA_IMAGES
#define FERRUM_CUDA_IMAGE(name) extern "C" const char name[];
FERRUM_CUDA_IMAGES
#undef FERRUM_CUDA_IMAGE
#endif

namespace ferrum::cuda {

std::span<const void* const> device_code() {
#ifdef FERRUM_CUDA_IMAGES
#define FERRUM_CUDA_IMAGE(name) name,
  static const void* const kImages[] = {FERRUM_CUDA_IMAGES};
#undef FERRUM_CUDA_IMAGE
  return kImages;
#else
  return {};
#endif
}

}  // namespace ferrum::cuda
