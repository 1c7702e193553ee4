// Products with panels of the formats of 256 columns to a block.
#include "backend/cpu/kernels/tiles.h"

namespace ferrum::cpu::FERRUM_ISA {

void multiply_q2_k(const PanelTask& task) { multiply_panels<Q2_KSource>(task); }
void multiply_q3_k(const PanelTask& task) { multiply_panels<Q3_KSource>(task); }
void multiply_q4_k(const PanelTask& task) { multiply_panels<Q4_KSource>(task); }
void multiply_q5_k(const PanelTask& task) { multiply_panels<Q5_KSource>(task); }
void multiply_q6_k(const PanelTask& task) { multiply_panels<Q6_KSource>(task); }
void multiply_iq4_xs(const PanelTask& task) { multiply_panels<Iq4XsSource>(task); }

}  // namespace ferrum::cpu::FERRUM_ISA
