// Panels unpacked to bytes and float32 scales: once for all tiles of a long prompt.
#include "backend/cpu/kernels/format_list.h"
#include "backend/cpu/kernels/tiles.h"
#if defined(__AMX_INT8__)
#include "backend/cpu/kernels/matrix_tiles.h"
#endif

namespace ferrum::cpu::FERRUM_ISA {
namespace {

// Formats that unpack to the same form share the code that multiplies them.
template <class Source>
[[gnu::noinline]] void multiply_unpacked(const PanelTask& task) {
#if defined(__AMX_INT8__)
  multiply_with_tiles<UnpackedOf<Source>>(task);
#else
  multiply_unpacked_panels<UnpackedOf<Source>>(task);
#endif
}

}  // namespace

#define FERRUM_UNPACKED(member, name, Source)                                                                \
  void unpack_##name(const uint8_t* panel, int cols, uint8_t* spans) {                                       \
    unpack_spans<Source>(panel, cols, spans);                                                                \
  }                                                                                                          \
  void expand_##name(const uint8_t* panel, int cols, float* out) { expand_spans<Source>(panel, cols, out); } \
  void multiply_unpacked_##name(const PanelTask& task) { multiply_unpacked<Source>(task); }
FERRUM_INTEGER_FORMATS(FERRUM_UNPACKED)
FERRUM_CODED_PANELS(FERRUM_UNPACKED)
#undef FERRUM_UNPACKED

}  // namespace ferrum::cpu::FERRUM_ISA
