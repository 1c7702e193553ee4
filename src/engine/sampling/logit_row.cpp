#include "engine/sampling/logit_row.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <functional>
#include <limits>

#include "engine/sampling/fast_exp.h"

namespace ferrum {
namespace {

constexpr double kDeepest = 88;  // below e^-88 weights are 0
constexpr float kInfinity = std::numeric_limits<float>::infinity();

// Registers of every CPU that this runs on; sums taken in them are the same whatever the compiler makes of
// it.
using Floats = float __attribute__((vector_size(16)));
using Bits = int32_t __attribute__((vector_size(16)));
constexpr size_t kLanes = 4;
constexpr size_t kAtOnce = 4;  // chains of operations that do not wait for each other
constexpr size_t kStep = kLanes * kAtOnce;

Floats load(const float* from) {
  Floats v;
  std::memcpy(&v, from, sizeof v);
  return v;
}

Floats larger(Floats a, Floats b) { return a > b ? a : b; }

struct Look {
  float largest;
  Bits nan;
};

template <size_t count>
Look look_at(const float* logits) {
  Floats largest[kAtOnce];
  Bits nan = {};
  for (size_t i = 0; i < kAtOnce; ++i) largest[i] = Floats{} - kInfinity;
  for (size_t at = 0; at < count; at += kStep) {
    for (size_t i = 0; i < kAtOnce; ++i) {
      const Floats v = load(logits + at + i * kLanes);
      largest[i] = larger(v, largest[i]);  // the second where one is NaN
      nan |= v != v;
    }
  }
  const Floats four = larger(larger(largest[0], largest[1]), larger(largest[2], largest[3]));
  return {std::max(std::max(four[0], four[1]), std::max(four[2], four[3])), nan};
}

// fast_exp in a register: operation by operation the same.
Floats weights_of(Floats x) {
  constexpr float kRound = 12582912.0f;
  const Floats shifted = x * 1.44269504f + kRound;
  const Floats n = shifted - kRound;
  const Floats f = (x - n * 0.693145752f) - n * 1.42860677e-6f;
  Floats p = f * 0.00139262131f + 0.00836320315f;
  p = p * f + 0.0416665561f;
  p = p * f + 0.166665763f;
  p = p * f + 0.5f;
  p = p * (f * f) + f + 1.0f;
  const Bits scaled = reinterpret_cast<Bits>(p) + (reinterpret_cast<Bits>(shifted) << 23);
  return reinterpret_cast<Floats>(scaled & ~(x < -87.0f));
}

}  // namespace

const float* LogitRow::block(size_t b) const {
  const size_t at = b * kBlock;
  return logits_.size() - at >= kBlock ? logits_.data() + at : tail_.data();
}

void LogitRow::read(std::span<const float> logits) {
  logits_ = logits;
  const size_t blocks = (logits.size() + kBlock - 1) / kBlock;
  if (const size_t rest = logits.size() % kBlock; rest != 0) {
    tail_.fill(-kInfinity);
    std::copy(logits.end() - static_cast<ptrdiff_t>(rest), logits.end(), tail_.begin());
  }
  block_largest_.resize(blocks);
  largest_ = -kInfinity;
  Bits nan = {};
  for (size_t b = 0; b < blocks; ++b) {
    const Look look = look_at<kBlock>(block(b));
    block_largest_[b] = look.largest;
    largest_ = std::max(largest_, look.largest);
    nan |= look.nan;
  }
  has_nan_ = (nan[0] | nan[1] | nan[2] | nan[3]) != 0;
}

TokenId LogitRow::most_likely() const {
  const auto b = std::find(block_largest_.begin(), block_largest_.end(), largest_) - block_largest_.begin();
  const auto begin = logits_.begin() + b * static_cast<ptrdiff_t>(kBlock);
  return static_cast<TokenId>(std::find(begin, logits_.end(), largest_) - logits_.begin());
}

void LogitRow::set_temperature(float temperature) {
  inverse_temperature_ = std::min(1 / temperature, 1e30f);  // finite: 0 times it is 0
}

float LogitRow::weight(float logit) const { return fast_exp((logit - largest_) * inverse_temperature_); }

void LogitRow::gather(double least, Candidates& out) const {
  // The next float upward where `least` is none, so that single precision decides as double would.
  auto bound = static_cast<float>(std::max(least, -static_cast<double>(std::numeric_limits<float>::max())));
  if (bound < least) bound = std::nextafter(bound, kInfinity);
  for (size_t b = 0; b < block_largest_.size(); ++b) {
    if (block_largest_[b] < bound) continue;
    const size_t begin = b * kBlock;
    const size_t end = std::min(begin + kBlock, logits_.size());
    for (size_t i = begin; i < end; ++i) {
      if (logits_[i] < bound) continue;
      if (const float w = weight(logits_[i]); w > 0) out.add({static_cast<TokenId>(i), logits_[i], w});
    }
  }
}

// The k-th largest of the blocks' largest is a bound that k logits reach at least.
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

// Each time twice as far, until it was enough or only weights of 0 are left.
void LogitRow::gather_mass(double center, double mass, double floor, Candidates& out) const {
  const double last = std::max(floor, logit_at(kDeepest));
  for (double depth = 4;; depth *= 2) {
    const double reach = depth / inverse_temperature_;
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
    if (weight(block_largest_[b]) == 0) {
      block_total_[b] = 0;
      continue;
    }
    const float* logits = block(b);
    Floats sums[kAtOnce] = {};
    for (size_t at = 0; at < kBlock; at += kStep)
      for (size_t i = 0; i < kAtOnce; ++i)
        sums[i] += weights_of((load(logits + at + i * kLanes) - largest_) * inverse_temperature_);
    const Floats four = (sums[0] + sums[1]) + (sums[2] + sums[3]);
    block_total_[b] = (four[0] + four[1]) + (four[2] + four[3]);
    total += block_total_[b];
  }
  return total;
}

double LogitRow::mean_logit(double total) const {
  double mean = 0;  // of logit − largest
  for (size_t b = 0; b < block_largest_.size(); ++b) {
    if (weight(block_largest_[b]) == 0) continue;
    const float* logits = block(b);
    Floats sums[kAtOnce] = {};
    for (size_t at = 0; at < kBlock; at += kStep) {
      for (size_t i = 0; i < kAtOnce; ++i) {
        const Floats below = load(logits + at + i * kLanes) - largest_;
        const Floats w = weights_of(below * inverse_temperature_);
        const Floats finite = larger(below, Floats{} - 1e30f);  // 0 times −∞ would be NaN
        sums[i] += w * finite;
      }
    }
    const Floats four = (sums[0] + sums[1]) + (sums[2] + sums[3]);
    mean += (four[0] + four[1]) + (four[2] + four[3]);
  }
  return largest_ + mean / total;
}

TokenId LogitRow::draw(double uniform, double total) const {
  double rest = uniform * total;
  size_t last = block_total_.size();  // rounding may leave a sliver past the last block that has any weight
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
  return static_cast<TokenId>(drawn);
}

}  // namespace ferrum
