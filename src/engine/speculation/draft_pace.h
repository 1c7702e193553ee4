// How many tokens it pays to draft for a sequence.
//
// A step of n decoding sequences and no drafts takes P seconds for n tokens: a token costs P / n. A drafted
// token more in the step costs what its row adds, and what drafting it took; with the chance that it and all
// before it are right it is a token won. So the j-th is worth it while chance^j · P / n exceeds its cost.
// Times only decide how fast the tokens come, never which.
#pragma once
#include <chrono>
#include <cstdint>
#include <vector>

namespace ferrum {

class DraftPace {
 public:
  using Seconds = std::chrono::duration<double>;

  // kAlways: as many tokens as may be, whatever they cost.
  enum class Policy { kWhereItPays, kAlways };

  DraftPace(int max_sequences, Policy policy)
      : policy_(policy), plain_(static_cast<size_t>(max_sequences) + 1) {}

  struct Step {
    Seconds model{};     // the step itself
    Seconds drafting{};  // before it
    int sequences = 0;
    int drafted = 0;  // tokens, of all sequences
  };
  // A step is over that did nothing but decode.
  void observe(const Step& step);

  // Whether the time of steps without drafts is known for this number of sequences. Until it is, and now and
  // then after, such a step must be made.
  bool knows(int sequences) const;
  // Up to `most` tokens; 0 where drafting doesn't pay.
  int tokens(float chance, int sequences, int most) const;

 private:
  struct Plain {
    double seconds = 0;  // 0: unknown
    int64_t step = 0;    // when it was observed last
  };

  Policy policy_;
  std::vector<Plain> plain_;  // [max_sequences + 1]
  double row_ = 0;            // seconds that a drafted token adds to a step, its drafting included
  int64_t steps_ = 0;
};

}  // namespace ferrum
