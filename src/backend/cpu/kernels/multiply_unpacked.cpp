// Panels unpacked to bytes and float32 scales: once for all tiles of a long prompt.
#include "backend/cpu/kernels/tiles.h"

namespace ferrum::cpu::FERRUM_ISA {
namespace {

// Formats that unpack to the same form share the code that multiplies them.
template <class Source>
[[gnu::noinline]] void multiply_unpacked(const PanelTask& task) {
  multiply_unpacked_panels<UnpackedOf<Source>>(task);
}

}  // namespace

void unpack_q4_0(const uint8_t* panel, int cols, uint8_t* spans) {
  unpack_spans<Q4_0Source>(panel, cols, spans);
}
void expand_q4_0(const uint8_t* panel, int cols, float* out) { expand_spans<Q4_0Source>(panel, cols, out); }
void unpack_q4_1(const uint8_t* panel, int cols, uint8_t* spans) {
  unpack_spans<Q4_1Source>(panel, cols, spans);
}
void expand_q4_1(const uint8_t* panel, int cols, float* out) { expand_spans<Q4_1Source>(panel, cols, out); }
void unpack_q5_0(const uint8_t* panel, int cols, uint8_t* spans) {
  unpack_spans<Q5_0Source>(panel, cols, spans);
}
void expand_q5_0(const uint8_t* panel, int cols, float* out) { expand_spans<Q5_0Source>(panel, cols, out); }
void unpack_q5_1(const uint8_t* panel, int cols, uint8_t* spans) {
  unpack_spans<Q5_1Source>(panel, cols, spans);
}
void expand_q5_1(const uint8_t* panel, int cols, float* out) { expand_spans<Q5_1Source>(panel, cols, out); }
void unpack_q8_0(const uint8_t* panel, int cols, uint8_t* spans) {
  unpack_spans<Q8_0Source>(panel, cols, spans);
}
void expand_q8_0(const uint8_t* panel, int cols, float* out) { expand_spans<Q8_0Source>(panel, cols, out); }
void unpack_q2_k(const uint8_t* panel, int cols, uint8_t* spans) {
  unpack_spans<Q2_KSource>(panel, cols, spans);
}
void expand_q2_k(const uint8_t* panel, int cols, float* out) { expand_spans<Q2_KSource>(panel, cols, out); }
void unpack_q3_k(const uint8_t* panel, int cols, uint8_t* spans) {
  unpack_spans<Q3_KSource>(panel, cols, spans);
}
void expand_q3_k(const uint8_t* panel, int cols, float* out) { expand_spans<Q3_KSource>(panel, cols, out); }
void unpack_q4_k(const uint8_t* panel, int cols, uint8_t* spans) {
  unpack_spans<Q4_KSource>(panel, cols, spans);
}
void expand_q4_k(const uint8_t* panel, int cols, float* out) { expand_spans<Q4_KSource>(panel, cols, out); }
void unpack_q5_k(const uint8_t* panel, int cols, uint8_t* spans) {
  unpack_spans<Q5_KSource>(panel, cols, spans);
}
void expand_q5_k(const uint8_t* panel, int cols, float* out) { expand_spans<Q5_KSource>(panel, cols, out); }
void unpack_q6_k(const uint8_t* panel, int cols, uint8_t* spans) {
  unpack_spans<Q6_KSource>(panel, cols, spans);
}
void expand_q6_k(const uint8_t* panel, int cols, float* out) { expand_spans<Q6_KSource>(panel, cols, out); }
void unpack_iq4_nl(const uint8_t* panel, int cols, uint8_t* spans) {
  unpack_spans<Iq4NlSource>(panel, cols, spans);
}
void expand_iq4_nl(const uint8_t* panel, int cols, float* out) {
  expand_spans<Iq4NlSource>(panel, cols, out);
}
void unpack_iq4_xs(const uint8_t* panel, int cols, uint8_t* spans) {
  unpack_spans<Iq4XsSource>(panel, cols, spans);
}
void expand_iq4_xs(const uint8_t* panel, int cols, float* out) {
  expand_spans<Iq4XsSource>(panel, cols, out);
}
void unpack_mxfp4(const uint8_t* panel, int cols, uint8_t* spans) {
  unpack_spans<Mxfp4Source>(panel, cols, spans);
}
void expand_mxfp4(const uint8_t* panel, int cols, float* out) { expand_spans<Mxfp4Source>(panel, cols, out); }
void unpack_g4_32(const uint8_t* panel, int cols, uint8_t* spans) {
  unpack_spans<G4_32Source>(panel, cols, spans);
}
void expand_g4_32(const uint8_t* panel, int cols, float* out) { expand_spans<G4_32Source>(panel, cols, out); }
void unpack_g4_64(const uint8_t* panel, int cols, uint8_t* spans) {
  unpack_spans<G4_64Source>(panel, cols, spans);
}
void expand_g4_64(const uint8_t* panel, int cols, float* out) { expand_spans<G4_64Source>(panel, cols, out); }
void unpack_g4_128(const uint8_t* panel, int cols, uint8_t* spans) {
  unpack_spans<G4_128Source>(panel, cols, spans);
}
void expand_g4_128(const uint8_t* panel, int cols, float* out) {
  expand_spans<G4_128Source>(panel, cols, out);
}

void multiply_unpacked_q4_0(const PanelTask& task) { multiply_unpacked<Q4_0Source>(task); }
void multiply_unpacked_q4_1(const PanelTask& task) { multiply_unpacked<Q4_1Source>(task); }
void multiply_unpacked_q5_0(const PanelTask& task) { multiply_unpacked<Q5_0Source>(task); }
void multiply_unpacked_q5_1(const PanelTask& task) { multiply_unpacked<Q5_1Source>(task); }
void multiply_unpacked_q8_0(const PanelTask& task) { multiply_unpacked<Q8_0Source>(task); }
void multiply_unpacked_q2_k(const PanelTask& task) { multiply_unpacked<Q2_KSource>(task); }
void multiply_unpacked_q3_k(const PanelTask& task) { multiply_unpacked<Q3_KSource>(task); }
void multiply_unpacked_q4_k(const PanelTask& task) { multiply_unpacked<Q4_KSource>(task); }
void multiply_unpacked_q5_k(const PanelTask& task) { multiply_unpacked<Q5_KSource>(task); }
void multiply_unpacked_q6_k(const PanelTask& task) { multiply_unpacked<Q6_KSource>(task); }
void multiply_unpacked_iq4_nl(const PanelTask& task) { multiply_unpacked<Iq4NlSource>(task); }
void multiply_unpacked_iq4_xs(const PanelTask& task) { multiply_unpacked<Iq4XsSource>(task); }
void multiply_unpacked_mxfp4(const PanelTask& task) { multiply_unpacked<Mxfp4Source>(task); }
void multiply_unpacked_g4_32(const PanelTask& task) { multiply_unpacked<G4_32Source>(task); }
void multiply_unpacked_g4_64(const PanelTask& task) { multiply_unpacked<G4_64Source>(task); }
void multiply_unpacked_g4_128(const PanelTask& task) { multiply_unpacked<G4_128Source>(task); }

}  // namespace ferrum::cpu::FERRUM_ISA
