// The kernels as this build has them: fat binaries made by nvcc, with code for each kind of device.
#pragma once
#include <span>

namespace ferrum::cuda {

std::span<const void* const> device_code();  // empty: built without nvcc, or with FERRUM_CUDA=OFF

}  // namespace ferrum::cuda
