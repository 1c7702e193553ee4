// The integer formats that are packed in panels, once each: the member of Format, the suffix of its
// functions' names, and the class in sources.h that reads its panels. The float formats are in
// multiply_float.cpp.
#pragma once

// clang-format off
// 32 columns to a block.
#define FERRUM_SIMPLE_FORMATS(X)   \
  X(kQ4_0, q4_0, Q4_0Source)       \
  X(kQ4_1, q4_1, Q4_1Source)       \
  X(kQ5_0, q5_0, Q5_0Source)       \
  X(kQ5_1, q5_1, Q5_1Source)       \
  X(kQ8_0, q8_0, Q8_0Source)       \
  X(kIQ4_NL, iq4_nl, Iq4NlSource)  \
  X(kMXFP4, mxfp4, Mxfp4Source)
// 256 columns to a block.
#define FERRUM_SUPER_FORMATS(X)    \
  X(kQ2_K, q2_k, Q2_KSource)       \
  X(kQ3_K, q3_k, Q3_KSource)       \
  X(kQ4_K, q4_k, Q4_KSource)       \
  X(kQ5_K, q5_k, Q5_KSource)       \
  X(kQ6_K, q6_k, Q6_KSource)       \
  X(kIQ4_XS, iq4_xs, Iq4XsSource)
// Groups with a scale and a zero point.
#define FERRUM_GROUP_FORMATS(X)    \
  X(kG4_32, g4_32, G4_32Source)    \
  X(kG4_64, g4_64, G4_64Source)    \
  X(kG4_128, g4_128, G4_128Source)
// Codes into a table (tensor/formats/coded.h), by the type of their blocks and the bits of a code. Formats whose
// codes have as many bits share all functions but those that pack them.
#define FERRUM_CODED_FORMATS(X)          \
  X(kIQ1_S, iq1_s, BlockIQ1_S, 3)        \
  X(kIQ1_M, iq1_m, BlockIQ1_M, 3)        \
  X(kIQ2_XXS, iq2_xxs, BlockIQ2_XXS, 3)  \
  X(kIQ2_XS, iq2_xs, BlockIQ2_XS, 3)     \
  X(kIQ2_S, iq2_s, BlockIQ2_S, 3)        \
  X(kIQ3_XXS, iq3_xxs, BlockIQ3_XXS, 4)  \
  X(kIQ3_S, iq3_s, BlockIQ3_S, 4)        \
  X(kTQ1_0, tq1_0, BlockTQ1_0, 3)        \
  X(kTQ2_0, tq2_0, BlockTQ2_0, 3)
#define FERRUM_CODED_PANELS(X)           \
  X(coded, codes_3, Codes3Source)        \
  X(coded, codes_4, Codes4Source)
#define FERRUM_INTEGER_FORMATS(X) FERRUM_SIMPLE_FORMATS(X) FERRUM_SUPER_FORMATS(X) FERRUM_GROUP_FORMATS(X)
// clang-format on
