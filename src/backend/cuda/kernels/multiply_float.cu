// Products with weights of floats.
#include "backend/cuda/kernels/multiply_kernels.h"

FERRUM_FORMAT_KERNELS(f32, kTileF32)
FERRUM_FORMAT_KERNELS(f16, kTileF16)
FERRUM_FORMAT_KERNELS(bf16, kTileBf16)
