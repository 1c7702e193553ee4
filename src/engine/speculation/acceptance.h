// How often the drafts of one sequence were right.
#pragma once
#include <algorithm>
#include <array>
#include <cstddef>

namespace ferrum {

class Acceptance {
 public:
  // Drafts are of several kinds, by how sure the drafter is, each with a chance of its own. Most sure last.
  static constexpr int kKinds = 4;

  // For another sequence: what held for this one is expected there as well.
  Acceptance expected_of_another() const {
    Acceptance a;
    a.chance_ = chance_;
    return a;
  }

  // That a drafted token is right, those before it being right.
  float chance(int kind) const { return chance_[static_cast<size_t>(kind)]; }

  void observe(int kind, int drafted, int accepted) {
    float& chance = chance_[static_cast<size_t>(kind)];
    for (int i = 0; i < accepted; ++i) chance += kWeight * (1 - chance);
    if (accepted < drafted) chance -= kWeight * chance;
    // What failed is tried again, but ever more rarely.
    patience_ = accepted > 0 ? kFirstPatience : std::min(kLastPatience, 2 * patience_);
    refused_ = 0;
  }

  // A step goes without a draft because none would pay. True if it is time to try one nevertheless.
  bool refuse() { return ++refused_ > patience_; }

 private:
  static constexpr float kWeight = 0.125f;
  static constexpr int kFirstPatience = 32;
  static constexpr int kLastPatience = 1024;

  std::array<float, kKinds> chance_ = {0.5f, 0.6f, 0.7f, 0.8f};
  int refused_ = 0;
  int patience_ = kFirstPatience;  // steps
};

}  // namespace ferrum
