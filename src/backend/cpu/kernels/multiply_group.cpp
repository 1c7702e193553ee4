// Products with panels of the formats of groups with a scale and a zero point.
#include "backend/cpu/kernels/tiles.h"

namespace ferrum::cpu::FERRUM_ISA {

void multiply_g4_32(const PanelTask& task) { multiply_panels<G4_32Source>(task); }
void multiply_g4_64(const PanelTask& task) { multiply_panels<G4_64Source>(task); }
void multiply_g4_128(const PanelTask& task) { multiply_panels<G4_128Source>(task); }

}  // namespace ferrum::cpu::FERRUM_ISA
