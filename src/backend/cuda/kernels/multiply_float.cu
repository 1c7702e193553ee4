// Products with weights of floats.
#include "backend/cuda/kernels/multiply_pipeline.h"

FERRUM_FORMAT_KERNELS(f32, kTileF32, 2)
FERRUM_FORMAT_KERNELS(f16, kTileF16, 2)
FERRUM_FORMAT_KERNELS(bf16, kTileBf16, 2)
