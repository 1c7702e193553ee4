// Attention on tensor cores over keys and values of f16, and of bytes.
#include "backend/cuda/kernels/attention_tiles.h"

FERRUM_ATTENTION_KERNELS(f16, ferrum::cuda::Half::kF16)
