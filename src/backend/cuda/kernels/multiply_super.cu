// Products with weights of the K formats: blocks of 256 whose parts have scales of their own.
#include "backend/cuda/kernels/multiply_pipeline.h"

FERRUM_FORMAT_KERNELS(q2_k, kTileQ2_K, 3)
FERRUM_FORMAT_KERNELS(q3_k, kTileQ3_K, 3)
FERRUM_FORMAT_KERNELS(q4_k, kTileQ4_K, 3)
FERRUM_FORMAT_KERNELS(q5_k, kTileQ5_K, 3)
FERRUM_FORMAT_KERNELS(q6_k, kTileQ6_K, 3)
FERRUM_FORMAT_KERNELS(iq4_xs, kTileIq4Xs, 3)
