#include "backend/cpu/sampling/logit_row.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <numbers>

#include "backend/cpu/sampling/fast_exp2.h"

namespace ferrum::cpu {
namespace {

constexpr double kDeepest = 88;  // e^-88 is below 2^-126, so deeper weights are 0
constexpr float kInfinity = std::numeric_limits<float>::infinity();

}  // namespace

const float* LogitRow::block(size_t b) const {
  const size_t at = b * kBlock;
  return logits_.size() - at >= kBlock ? logits_.data() + at : tail_.data();
}

void LogitRow::reserve(size_t logits) {
  for (std::vector<float>* v : {&block_largest_, &sorted_, &block_total_}) v->reserve(blocks_of(logits));
}

void LogitRow::read(std::span<const float> logits) {
  logits_ = logits;
  const size_t blocks = blocks_of(logits.size());
  if (const size_t rest = logits.size() % kBlock; rest != 0) {
    tail_.fill(-kInfinity);
    std::copy(logits.end() - static_cast<ptrdiff_t>(rest), logits.end(), tail_.begin());
  }
  block_largest_.resize(blocks);
  scale_.largest = -kInfinity;
  has_nan_ = false;
  for (size_t b = 0; b < blocks; ++b) {
    const BlockLook look = kernels_.look(block(b));
    block_largest_[b] = look.largest;
    scale_.largest = std::max(scale_.largest, look.largest);
    has_nan_ |= look.has_nan;
  }
}

int32_t LogitRow::most_likely() const {
  const auto b =
      std::find(block_largest_.begin(), block_largest_.end(), scale_.largest) - block_largest_.begin();
  const auto begin = logits_.begin() + b * static_cast<ptrdiff_t>(kBlock);
  return static_cast<int32_t>(std::find(begin, logits_.end(), scale_.largest) - logits_.begin());
}

void LogitRow::set_temperature(float temperature) {
  // Finite, so that 0 times it is 0.
  scale_.rate = std::min(std::numbers::log2e_v<float> / temperature, 1e30f);
}

float LogitRow::weight(float logit) const { return fast_exp2((logit - scale_.largest) * scale_.rate); }

void LogitRow::gather(double least, Candidates& out) const {
  // Rounded up to the next float if `least` is not one, so that comparing in single precision gives the same
  // result as in double.
  auto bound = static_cast<float>(std::max(least, -static_cast<double>(std::numeric_limits<float>::max())));
  if (bound < least) bound = std::nextafter(bound, kInfinity);
  for (size_t b = 0; b < block_largest_.size(); ++b) {
    if (block_largest_[b] < bound) continue;
    const float* const logits = block(b);
    float weights[kBlock];
    kernels_.weigh(logits, scale_, weights);
    Candidate found[kBlock];
    size_t count = 0;
    for (size_t i = 0; i < kBlock; ++i) {
      if (logits[i] >= bound && weights[i] > 0)  // usually none or nearly all
        found[count++] = {static_cast<int32_t>(b * kBlock + i), logits[i], weights[i]};
    }
    out.add({found, count});
  }
}

// At least k logits reach the k-th largest of the block maxima, which therefore bounds the k-th logit from
// below.
void LogitRow::gather_most_likely(size_t k, Candidates& out) {
  double least = -kInfinity;
  if (k <= block_largest_.size()) {
    sorted_ = block_largest_;
    const auto kth = sorted_.begin() + static_cast<ptrdiff_t>(k) - 1;
    std::nth_element(sorted_.begin(), kth, sorted_.end(), std::greater<>());
    least = *kth;
  }
  gather(least, out);
  out.keep_most_likely(k);
}

// Doubles the distance until the mass suffices or only weights of 0 are left.
void LogitRow::gather_mass(double center, double mass, double floor, Candidates& out) const {
  const double last = std::max(floor, logit_at(kDeepest));
  for (double depth = 4;; depth *= 2) {
    const double reach = depth * std::numbers::log2e / scale_.rate;
    const double least = std::max(center - reach, last);
    out.clear();
    gather(least, out);
    if (least == last) return;
    double sum = 0;
    for (const Candidate& c : out.all())
      if (std::abs(c.logit - center) <= reach) sum += c.weight;
    if (sum >= mass) return;
  }
}

double LogitRow::total() {
  block_total_.resize(block_largest_.size());
  double total = 0;
  for (size_t b = 0; b < block_total_.size(); ++b) {
    block_total_[b] = 0;
    if (weight(block_largest_[b]) == 0) continue;
    float weights[kBlock];
    kernels_.weigh(block(b), scale_, weights);
    block_total_[b] = kernels_.sum(weights);
    total += block_total_[b];
  }
  return total;
}

double LogitRow::mean_logit(double total) const {
  double below = 0;  // of all values, the largest
  for (size_t b = 0; b < block_largest_.size(); ++b) {
    if (weight(block_largest_[b]) == 0) continue;
    float weights[kBlock];
    kernels_.weigh(block(b), scale_, weights);
    below += kernels_.sum_below(weights, block(b), scale_.largest);
  }
  return scale_.largest + below / total;
}

int32_t LogitRow::draw(double uniform, double total) const {
  double rest = uniform * total;
  size_t last = block_total_.size();  // rounding may leave a remainder past the last block with any weight
  for (size_t b = 0; b < block_total_.size(); ++b) {
    if (block_total_[b] == 0) continue;
    last = b;
    if (rest < block_total_[b]) break;
    rest -= block_total_[b];
  }
  const size_t begin = last * kBlock;
  const size_t end = std::min(begin + kBlock, logits_.size());
  size_t drawn = begin;
  for (size_t i = begin; i < end; ++i) {
    const double w = weight(logits_[i]);
    if (w == 0) continue;
    drawn = i;
    rest -= w;
    if (rest < 0) break;
  }
  return static_cast<int32_t>(drawn);
}

}  // namespace ferrum::cpu
