// One row of logits over the vocabulary, processed in blocks: blocks whose logits are all far below the
// maximum are usually skipped.
#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <numbers>
#include <span>
#include <vector>

#include "backend/cpu/sampling/candidates.h"
#include "backend/cpu/sampling/row_kernels.h"

namespace ferrum::cpu {

class LogitRow {
 public:
  // Makes room for rows of this many logits.
  void reserve(size_t logits);
  static size_t bytes_for(size_t logits) { return 3 * blocks_of(logits) * sizeof(float); }

  // Reads every logit once. The row must stay valid until the next read(). Logits may be −∞.
  void read(std::span<const float> logits);

  size_t size() const { return logits_.size(); }
  float largest() const { return scale_.largest; }
  bool has_nan() const { return has_nan_; }
  int32_t most_likely() const;  // the first of the largest; requires a row without NaN

  // The following require a finite largest() and use the temperature set last.
  void set_temperature(float temperature);
  // e^((logit − largest) / temperature), to 4e-7 or the precision of float32's exponent; 0 below 2^−126.
  float weight(float logit) const;
  // The logit whose weight is e^−depth.
  double logit_at(double depth) const { return scale_.largest - depth * std::numbers::log2e / scale_.rate; }

  // Adds every token to `out` whose logit is at least `least` and whose weight is not 0.
  void gather(double least, Candidates& out) const;
  // The `k` most likely tokens; of equal ones the first; k ≥ 1.
  void gather_most_likely(size_t k, Candidates& out);
  // Adds tokens with logits of at least `floor`: at least all that are so near to `center` that their weights
  // sum to `mass`, or all there are.
  void gather_mass(double center, double mass, double floor, Candidates& out) const;
  double total();                                    // of all weights
  double mean_logit(double total) const;             // expected value under the distribution
  int32_t draw(double uniform, double total) const;  // walks all tokens in order of id; call total() first

 private:
  static constexpr size_t kBlock = kRowBlock;

  static size_t blocks_of(size_t logits) { return (logits + kBlock - 1) / kBlock; }
  // [kBlock]; −∞ past the row's end
  const float* block(size_t b) const;

  std::span<const float> logits_;
  std::array<float, kBlock> tail_{};  // the last block, if the row has only part of it
  std::vector<float> block_largest_;  // [blocks]
  std::vector<float> sorted_;         // scratch of gather_most_likely
  std::vector<float> block_total_;    // [blocks], of weights
  bool has_nan_ = false;
  RowScale scale_ = {0, 1};
  const RowKernels& kernels_ = row_kernels();
};

}  // namespace ferrum::cpu
