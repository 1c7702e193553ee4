// The acceptance rate of one sequence's drafts.
#pragma once
#include <algorithm>
#include <array>
#include <cstddef>

namespace ferrum {

class Acceptance {
 public:
  // The kinds of drafts by the drafter's confidence, lowest first. Each has its own acceptance rate.
  static constexpr int kKinds = 4;

  // The initial estimate for another sequence: the rates of this one.
  Acceptance expected_of_another() const {
    Acceptance a;
    a.chance_ = chance_;
    return a;
  }

  // The probability that a drafted token is right, given that those before it are.
  float chance(int kind) const { return chance_[static_cast<size_t>(kind)]; }

  void observe(int kind, int drafted, int accepted) {
    float& chance = chance_[static_cast<size_t>(kind)];
    for (int i = 0; i < accepted; ++i) chance += kWeight * (1 - chance);
    if (accepted < drafted) chance -= kWeight * chance;
    // After failures, tries again at growing intervals.
    patience_ = accepted > 0 ? kFirstPatience : std::min(kLastPatience, 2 * patience_);
    refused_ = 0;
  }

  // Call when a draft would not pay. Returns true if it is time to try one nevertheless.
  bool refuse() { return ++refused_ > patience_; }

 private:
  static constexpr float kWeight = 0.125f;
  static constexpr int kFirstPatience = 32;
  static constexpr int kLastPatience = 1024;

  std::array<float, kKinds> chance_ = {0.5f, 0.6f, 0.7f, 0.8f};
  int refused_ = 0;
  int patience_ = kFirstPatience;  // in steps
};

}  // namespace ferrum
