// Products with panels of the coded formats.
#include "backend/cpu/kernels/format_list.h"
#include "backend/cpu/kernels/tiles.h"

namespace ferrum::cpu::FERRUM_ISA {

#define FERRUM_MULTIPLY(member, name, Source) \
  void multiply_##name(const PanelTask& task) { multiply_panels<Source>(task); }
FERRUM_CODED_PANELS(FERRUM_MULTIPLY)
#undef FERRUM_MULTIPLY

}  // namespace ferrum::cpu::FERRUM_ISA
