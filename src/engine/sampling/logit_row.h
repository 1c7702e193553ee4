// One row of logits over the vocabulary, looked at in blocks: what is far below the largest is mostly passed
// over a block at a time.
#pragma once
#include <array>
#include <cstddef>
#include <span>
#include <vector>

#include "engine/sampling/candidates.h"
#include "text/token.h"

namespace ferrum {

class LogitRow {
 public:
  // Looks at every logit once. The row must stay until the next read(). Logits may be −∞.
  void read(std::span<const float> logits);

  size_t size() const { return logits_.size(); }
  float largest() const { return largest_; }
  bool has_nan() const { return has_nan_; }
  TokenId most_likely() const;  // the first of the largest; the row has no NaN

  // The following hold for finite largest() and the temperature that was set last.
  void set_temperature(float temperature);
  // e^((logit − largest) / temperature), to 2e-7; 0 below e^−87.
  float weight(float logit) const;
  // The logit whose weight is e^−depth.
  double logit_at(double depth) const { return largest_ - depth / inverse_temperature_; }

  // Adds to `out` every token whose logit is `least` or more and whose weight is not 0.
  void gather(double least, Candidates& out) const;
  // The `k` most likely tokens, of equal ones the first; k ≥ 1.
  void gather_most_likely(size_t k, Candidates& out);
  // Adds tokens of `floor` and more: at least all that are so near to `center` that their weights come to
  // `mass`, or all there are.
  void gather_mass(double center, double mass, double floor, Candidates& out) const;
  double total();                                    // of all weights
  double mean_logit(double total) const;             // expected under the distribution
  TokenId draw(double uniform, double total) const;  // from all tokens, walked by id; after total()

 private:
  static constexpr size_t kBlock = 128;

  // [kBlock]; past the row's end −∞
  const float* block(size_t b) const;

  std::span<const float> logits_;
  std::array<float, kBlock> tail_{};  // the last block where the row has only a part of it
  std::vector<float> block_largest_;  // [blocks]
  std::vector<float> sorted_;         // scratch of gather_most_likely
  std::vector<float> block_total_;    // [blocks], of weights
  float largest_ = 0;
  bool has_nan_ = false;
  float inverse_temperature_ = 1;
};

}  // namespace ferrum
