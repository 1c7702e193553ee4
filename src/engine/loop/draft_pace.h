// Decides how many tokens it pays to draft for a sequence.
//
// A step of n decoding sequences without drafts takes P seconds for n tokens, so a token costs P / n. A
// drafted token costs the time that its row adds to the step plus the drafting time, and gains a token if it
// and all before it are right. So the j-th drafted token pays while chance^j · P / n exceeds its cost. Times
// only decide how fast tokens come, never which.
#pragma once
#include <chrono>
#include <cstdint>
#include <vector>

namespace ferrum {

class DraftPace {
 public:
  using Seconds = std::chrono::duration<double>;

  // kAlways: as many tokens as allowed, regardless of the cost.
  enum class Policy { kWhereItPays, kAlways };

  DraftPace(int max_sequences, Policy policy)
      : policy_(policy), plain_(static_cast<size_t>(max_sequences) + 1) {}

  struct Step {
    Seconds model{};     // of the step itself
    Seconds drafting{};  // of the drafting before it
    int sequences = 0;
    int drafted = 0;  // tokens, over all sequences
  };
  // Call after a step that did nothing but decode.
  void observe(const Step& step);

  // Whether the time of steps without drafts is known for this number of sequences. If not, which also
  // happens again after a while, such a step must be made.
  bool knows(int sequences) const;
  // At most `most` tokens; 0 if drafting does not pay.
  int tokens(float chance, int sequences, int most) const;

 private:
  struct Plain {
    double seconds = 0;  // 0: unknown
    int64_t step = 0;    // when it was last observed
  };

  Policy policy_;
  std::vector<Plain> plain_;  // [max_sequences + 1]
  double row_ = 0;            // seconds that a drafted token adds to a step, including its drafting
  int64_t steps_ = 0;
};

}  // namespace ferrum
