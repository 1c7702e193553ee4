// Products with weights of the simple formats: blocks of 32 with a scale.
#include "backend/cuda/kernels/multiply_pipeline.h"

FERRUM_FORMAT_KERNELS(q4_0, kTileQ4_0, 3)
FERRUM_FORMAT_KERNELS(q4_1, kTileQ4_1, 3)
FERRUM_FORMAT_KERNELS(q5_0, kTileQ5_0, 3)
FERRUM_FORMAT_KERNELS(q5_1, kTileQ5_1, 3)
FERRUM_FORMAT_KERNELS(q8_0, kTileQ8_0, 3)
FERRUM_FORMAT_KERNELS(iq4_nl, kTileIq4Nl, 3)
FERRUM_FORMAT_KERNELS(mxfp4, kTileMxfp4, 3)
FERRUM_FORMAT_KERNELS(g4, kTileG4, 3)
