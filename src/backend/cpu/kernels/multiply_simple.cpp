// Products with panels of the formats of 32 columns to a block.
#include "backend/cpu/kernels/tiles.h"

namespace ferrum::cpu::FERRUM_ISA {

void multiply_q4_0(const PanelTask& task) { multiply_panels<Q4_0Source>(task); }
void multiply_q4_1(const PanelTask& task) { multiply_panels<Q4_1Source>(task); }
void multiply_q5_0(const PanelTask& task) { multiply_panels<Q5_0Source>(task); }
void multiply_q5_1(const PanelTask& task) { multiply_panels<Q5_1Source>(task); }
void multiply_q8_0(const PanelTask& task) { multiply_panels<Q8_0Source>(task); }
void multiply_iq4_nl(const PanelTask& task) { multiply_panels<Iq4NlSource>(task); }
void multiply_mxfp4(const PanelTask& task) { multiply_panels<Mxfp4Source>(task); }

}  // namespace ferrum::cpu::FERRUM_ISA
