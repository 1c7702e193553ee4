// Mirostat: draws from as many tokens as keep the surprise of the text, −log2 of each token's probability,
// near a target (Basu et al. 2020, arXiv 2007.14966). Probabilities are the model's after temperature, before
// any filter.
#pragma once
#include "backend/cpu/sampling/candidates.h"
#include "backend/cpu/sampling/logit_row.h"

namespace ferrum::cpu {

struct MirostatTarget {
  float tau;  // bits per token
  float eta;  // learning rate
};

class Mirostat {
 public:
  // kTopK is the paper's algorithm 1: it estimates Zipf's exponent from the 100 most likely tokens and
  // derives the number of tokens that may be drawn. kThreshold is version 2 in the authors' code: tokens
  // whose surprise is above the bound are excluded.
  enum class Version { kTopK = 1, kThreshold = 2 };
  // `bound`, on surprise, in bits, is the paper's μ, the only state between draws. It begins at 2 tau.
  Mirostat(Version version, const MirostatTarget& target, double bound)
      : version_(version), target_(target), bound_(bound) {}

  // Draws one token with `uniform`, in [0, 1), and updates the bound. `candidates` is scratch.
  int32_t draw(LogitRow& row, double uniform, Candidates& candidates);
  double bound() const { return bound_; }

 private:
  void gather_top_k(LogitRow& row, Candidates& candidates) const;

  Version version_;
  MirostatTarget target_;
  double bound_;
};

}  // namespace ferrum::cpu
