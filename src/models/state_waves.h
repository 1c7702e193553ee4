// Recurrent layers where a draft keeps the state behind each of its tokens (StepWave).
#pragma once
#include "backend/arena.h"
#include "backend/backend.h"

namespace ferrum {

// Room for the rows of a wave: [rows, widest input], [rows, widest output].
struct WaveRoom {
  Tensor in, out;
};

// body(in, out, step) of all rows at once; or of each wave's, which are brought together for it.
template <class Body>
void each_wave(Backend& backend, const Step& step, Tensor in, Tensor out, const WaveRoom& room,
               const Body& body) {
  if (step.waves.empty()) return body(in, out, step);
  for (const StepWave& w : step.waves) {
    Step wave = step;
    wave.shape.tokens = w.tokens;
    wave.shape.sequences = w.sequences;
    wave.query_start = w.query_start;
    wave.state_slots = w.state_slots;
    const Tensor wave_in = shaped(room.in, w.tokens, in.cols);
    const Tensor wave_out = shaped(room.out, w.tokens, out.cols);
    backend.gather_rows(wave_in, in, w.rows);
    body(wave_in, wave_out, wave);
    backend.scatter_rows(out, wave_out, w.rows);
  }
}

}  // namespace ferrum
