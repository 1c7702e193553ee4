// How much of prompts a step may compute beside sequences that decode, so that these do not stutter.
//
// What a step without prompts takes is learnt from such steps, and there is one every now and then: it grows
// with the contexts of those who decode. What a prompt adds is not linear in its tokens: its cache is read
// once, however few of them there are. So there is a least number that is worth a step, and where even that
// takes longer than it may, the steps after it go without until the time is made up for: on average those who
// decode get their tokens as promised, and a prompt comes on whatever it costs.
#pragma once
#include <algorithm>
#include <chrono>

namespace ferrum {

class Pace {
 public:
  using Seconds = std::chrono::duration<double>;

  static constexpr int kLeast = 8;     // tokens of prompts in a step that has any
  static constexpr int kRefresh = 16;  // steps with prompts after which one goes without

  // `stretch`: how many times as long as without prompts a step may take on average.
  explicit Pace(double stretch) : stretch_(stretch) {}

  // A step is over that computed so many tokens of prompts beside so many decoding sequences.
  void observe(Seconds time, int decoding, int prompt_tokens) {
    if (decoding == 0) return;
    if (prompt_tokens == 0) {
      decode_ = blend(decode_, time.count());
      debt_ = std::max(0.0, debt_ - allowance());
      since_refresh_ = 0;
    } else if (decode_ > 0) {
      const double added = std::max(0.0, time.count() - decode_);
      token_ = blend(token_, std::max(kFree, added / prompt_tokens));
      debt_ = std::clamp(debt_ + added - allowance(), 0.0, kMostDebt * allowance());
      most_ = added <= allowance() ? std::max(most_, 2 * prompt_tokens) : std::max(kLeast, prompt_tokens);
      ++since_refresh_;
    }
  }

  // Tokens of prompts that fit into the next step; 0: it is to go without.
  int prompt_tokens() const {
    if (decode_ == 0 || debt_ > 0 || since_refresh_ >= kRefresh) return 0;
    if (token_ == 0) return kLeast;
    return static_cast<int>(std::clamp<double>(kMargin * allowance() / token_, kLeast, most_));
  }

 private:
  static constexpr double kMargin = 0.85;  // of the allowance: what is predicted is not always what comes
  static constexpr double kMostDebt = 16;  // allowances: a step that the machine held up is not the prompt's
  static constexpr double kWeight = 0.25;
  static constexpr double kFree = 1e-6;  // seconds: less cannot be timed

  // One step that the machine held up says little.
  static double blend(double average, double value) {
    return average == 0 ? value : average + kWeight * (std::min(value, 3 * average) - average);
  }

  // Seconds that prompts may add to a step.
  double allowance() const { return (stretch_ - 1) * decode_; }

  double stretch_;
  double decode_ = 0;  // seconds of a step without prompts
  double token_ = 0;   // seconds that a token of a prompt adds; 0: not known
  double debt_ = 0;    // seconds that prompts took beyond their allowance
  int most_ = kLeast;  // twice what was seen to fit: one step timed badly is no reason for a leap
  int since_refresh_ = 0;
};

}  // namespace ferrum
