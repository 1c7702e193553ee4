// The input of a backend that draws tokens from rows of logits. Plain data, copied to the device as it
// is: a tensor of n of these structs is [n, size of the struct] of kI8, rows without gaps.
#pragma once
#include <cstddef>
#include <cstdint>

#include "tensor/tensor.h"

namespace ferrum {

// A change of one logit, x = ((x + add) / repetition) − occurrence − dry; repetition multiplies instead where
// x + add is not positive (CTRL, arXiv 1909.05858). In float32, in this order.
struct LogitEdit {
  int32_t id = 0;
  float add = 0;  // bias; −∞: never drawn. NaN stays NaN
  float repetition = 1;
  float occurrence = 0;
  float dry = 0;
};

// How a token is drawn of a row whose logits are l, over the tokens whose l is above −∞.
//   temperature 0   the first of the largest l
//   else            weights e^((l − largest) / temperature), then, in this order and each on what the one
//                   before leaves:
//     top_k         the k of the largest l; of equal ones the lower ids                     0: all
//     typical_p     the l that are nearest to their mean, up to this mass                   1: all
//     top_p         the largest l, up to this mass: at least one (arXiv 1904.09751)         1: all
//     min_p         weights of at least this share of the largest left                      0: all
//     xtc           if the second number is below xtc_probability: of the tokens whose share of the weights
//     is
//                   xtc_threshold or more, only the least likely stays
// Mirostat takes the place of the filters (arXiv 2007.14966; version 1 or 2; 0: off). It draws from what its
// bound allows and moves the bound: bound −= eta · (surprise − tau), surprise in bits.
// The first token in order of l (without filters: of id), at which the sum of weights reaches the first
// number times their total, is drawn.
struct Chain {
  float temperature = 1;
  int32_t top_k = 0;
  float typical_p = 1;
  float top_p = 1;
  float min_p = 0;
  float xtc_probability = 0;
  float xtc_threshold = 0;
  int32_t mirostat = 0;
  float mirostat_tau = 0;
  float mirostat_eta = 0;
};

constexpr int kMostTop = 20;  // alternatives of a token

struct Draw {
  static constexpr int32_t kNone = -1;

  // The numbers are random_uniform(seed, position) and random_uniform(seed, position + 2^56): base/random.h.
  uint64_t seed = 0;
  uint64_t position = 0;
  double bound = 0;       // mirostat's, in bits
  int32_t row = 0;        // of the logits
  int32_t given = kNone;  // a token that is taken without being drawn: only its log probability is wanted
  // The draw before it in its group, and what that must have given: this draw stands on it. Else it is void,
  // as is all that stands on it. With mirostat the bound is the one that draw left.
  int32_t after = kNone;
  int32_t expected = 0;
  int32_t first_edit = 0;  // of the edits
  int32_t edits = 0;       // of different tokens
  int32_t mask = kNone;    // row of the masks: tokens whose bit is 0 have −∞, whatever edits say
  int32_t top = kNone;     // alternatives, up to kMostTop, beside its log probability; none: neither
  Chain chain;
};

// What came of a draw.
struct Drawn {
  enum class State : int32_t {
    kDrawn,
    kVoid,       // what it stands on was not drawn
    kNaN,        // the row has NaN
    kNotFinite,  // its largest logit is +∞, or all are −∞
    kNoneLeft,   // edits and mask leave no token
  };

  double bound = 0;  // mirostat's, after the draw
  int32_t token = 0;
  State state = State::kDrawn;
  // ln of the token's share of e^l, of the row before edits, mask and chain.
  float logprob = 0;
  int32_t top = 0;  // alternatives found: tokens of probability 0 are none
};

// Views of one member of the results.
inline Tensor tokens_of(Tensor drawn) {
  return {static_cast<std::byte*>(drawn.data) + offsetof(Drawn, token), DType::kI32, drawn.rows, 1,
          sizeof(Drawn) / sizeof(int32_t)};
}
inline Tensor states_of(Tensor drawn) {
  return {static_cast<std::byte*>(drawn.data) + offsetof(Drawn, state), DType::kI32, drawn.rows, 1,
          sizeof(Drawn) / sizeof(int32_t)};
}
inline Tensor logprobs_of(Tensor drawn) {
  return {static_cast<std::byte*>(drawn.data) + offsetof(Drawn, logprob), DType::kF32, drawn.rows, 1,
          sizeof(Drawn) / sizeof(float)};
}

// The draws of a step: device-resident, the same arrays from step to step.
struct Draws {
  Tensor draws;   // [draws, sizeof(Draw)] i8
  Tensor groups;  // [groups + 1] i32          first draw of each group, and the end
  Tensor edits;   // [edits, sizeof(LogitEdit)] i8
  Tensor masks;   // [masks, ⌈vocab / 32⌉] i32  bit i of a row is bit i % 32 of word i / 32; may be empty
};

struct DrawResults {
  Tensor drawn;         // [draws, sizeof(Drawn)] i8
  Tensor top_ids;       // [draws, kMostTop] i32  most likely first, of equal ones the lower id
  Tensor top_logprobs;  // [draws, kMostTop] f32
};

}  // namespace ferrum
