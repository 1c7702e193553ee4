// The tokens that may still be drawn, and the filters that narrow them. Sorts only a few of them.
//
// "Order" means descending likelihood; of equal tokens the lower id comes first.
#pragma once
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace ferrum::cpu {

struct Candidate {
  int32_t id;
  float logit;
  float weight;  // its share of the total weight is its probability
};

class Candidates {
 public:
  void reserve(size_t tokens) { all_.reserve(tokens); }
  void clear() { all_.clear(); }
  void add(std::span<const Candidate> more) { all_.insert(all_.end(), more.begin(), more.end()); }

  std::span<const Candidate> all() const { return all_; }
  size_t size() const { return all_.size(); }
  double total() const;                   // of the weights
  double mean_logit(double total) const;  // expected value under the distribution

  void sort();  // sorts into order; for small sets
  void keep_most_likely(size_t k);
  // Keeps the first tokens in order whose weights make up `mass`; at least one (nucleus, arXiv 1904.09751).
  void keep_nucleus(double mass);
  // The same in order of distance from the mean logit. A token's surprise falls linearly with its logit, and
  // the mean surprise is the entropy, so these are the locally typical tokens (arXiv 2202.00666).
  void keep_typical(double mean_logit, double mass);
  // Keeps tokens at least `p` times as likely as the most likely one (min-p, arXiv 2407.01082).
  void keep_min_p(double p);
  // Of the tokens with a probability of at least `threshold`, removes all but the least likely (exclude top
  // choices, oobabooga/text-generation-webui, pull request 6335).
  void exclude_top(double threshold);

  // The first in order at which the cumulative weight reaches `uniform`, in [0, 1), times the total.
  Candidate draw(double uniform);

 private:
  std::vector<Candidate> all_;
};

}  // namespace ferrum::cpu
