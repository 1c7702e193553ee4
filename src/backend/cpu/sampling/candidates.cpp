#include "backend/cpu/sampling/candidates.h"

#include <algorithm>
#include <cmath>

#include "base/random.h"

namespace ferrum::cpu {
namespace {

bool in_order(const Candidate& a, const Candidate& b) {
  return a.logit != b.logit ? a.logit > b.logit : a.id < b.id;
}

double sum_of_weights(std::span<const Candidate> some) {
  double sum = 0;
  for (const Candidate& c : some) sum += c.weight;
  return sum;
}

// The number of elements of `all`, in the order `before`, that make up `mass`: at least one, all if the total
// is less. They are moved to the front, with the last of them at its sorted place. Partitions as quickselect
// does, in linear time on average.
template <class Before>
size_t gather_mass(std::span<Candidate> all, double mass, const Before& before) {
  constexpr size_t kFew = 16;
  size_t begin = 0, end = all.size();  // the range that contains the answer
  double sum = 0;                      // of all elements before `begin`
  while (end - begin > kFew) {
    // The median of three, one at random from each third, so that no row can be constructed that always hits
    // the worst case.
    const size_t third = (end - begin) / 3;
    Candidate three[3];
    for (size_t i = 0; i < 3; ++i) three[i] = all[begin + i * third + random_bits(end, begin + i) % third];
    std::sort(three, three + 3, before);
    const auto middle =
        std::partition(all.begin() + static_cast<ptrdiff_t>(begin), all.begin() + static_cast<ptrdiff_t>(end),
                       [&](const Candidate& c) { return before(c, three[1]); });
    const auto cut =
        // Strictly between begin and end: one of the three is on each side.
        static_cast<size_t>(middle - all.begin());
    const double part = sum_of_weights(all.subspan(begin, cut - begin));
    if (sum + part >= mass) {
      end = cut;
    } else {
      sum += part;
      begin = cut;
    }
  }
  std::sort(all.begin() + static_cast<ptrdiff_t>(begin), all.begin() + static_cast<ptrdiff_t>(end), before);
  for (size_t i = begin; i < end; ++i) {
    sum += all[i].weight;
    if (sum >= mass) return i + 1;
  }
  return end;
}

}  // namespace

double Candidates::total() const { return sum_of_weights(all_); }

double Candidates::mean_logit(double total) const {
  double sum = 0;
  for (const Candidate& c : all_) sum += static_cast<double>(c.weight) * c.logit;
  return sum / total;
}

void Candidates::sort() { std::sort(all_.begin(), all_.end(), in_order); }

void Candidates::keep_most_likely(size_t k) {
  if (k >= all_.size()) return;
  std::nth_element(all_.begin(), all_.begin() + static_cast<ptrdiff_t>(k), all_.end(), in_order);
  all_.resize(k);
}

void Candidates::keep_nucleus(double mass) { all_.resize(gather_mass(all_, mass, in_order)); }

void Candidates::keep_typical(double mean_logit, double mass) {
  const auto nearer = [mean_logit](const Candidate& a, const Candidate& b) {
    const double of_a = std::abs(a.logit - mean_logit);
    const double of_b = std::abs(b.logit - mean_logit);
    return of_a != of_b ? of_a < of_b : a.id < b.id;
  };
  all_.resize(gather_mass(all_, mass, nearer));
}

void Candidates::keep_min_p(double p) {
  float largest = 0;
  for (const Candidate& c : all_) largest = std::max(largest, c.weight);
  std::erase_if(all_, [least = p * largest](const Candidate& c) { return c.weight < least; });
}

void Candidates::exclude_top(double threshold) {
  const double least = threshold * total();
  const Candidate* last = nullptr;
  for (const Candidate& c : all_)
    if (c.weight >= least && (!last || in_order(*last, c))) last = &c;
  if (!last) return;
  std::erase_if(all_, [kept = *last](const Candidate& c) { return in_order(c, kept); });
}

Candidate Candidates::draw(double uniform) {
  return all_[gather_mass(all_, uniform * total(), in_order) - 1];
}

}  // namespace ferrum::cpu
