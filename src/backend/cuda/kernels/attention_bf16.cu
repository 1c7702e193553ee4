// Attention on tensor cores over keys and values of bf16.
#include "backend/cuda/kernels/attention_tiles.h"

FERRUM_ATTENTION_KERNELS(bf16, ferrum::cuda::Half::kBf16)
