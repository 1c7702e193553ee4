// Products with weights of the coded formats: codes of two to four bits, most of them into a table.
#include "backend/cuda/kernels/multiply_pipeline.h"

FERRUM_FORMAT_KERNELS(iq1, kTileIq1, 3)
FERRUM_FORMAT_KERNELS(iq2, kTileIq2, 3)
FERRUM_FORMAT_KERNELS(iq3_xxs, kTileIq3Xxs, 3)
FERRUM_FORMAT_KERNELS(iq3_s, kTileIq3S, 3)
FERRUM_FORMAT_KERNELS(ternary, kTileTernary, 3)
