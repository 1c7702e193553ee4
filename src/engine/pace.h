// How much of prompts a step may compute beside sequences that decode, so that these do not stutter.
#pragma once
#include <algorithm>
#include <chrono>

namespace ferrum {

class Pace {
 public:
  using Seconds = std::chrono::duration<double>;

  // `stretch`: how many times as long as without prompts a step may take.
  explicit Pace(double stretch) : stretch_(stretch) {}

  // A step is over that computed so many tokens of prompts beside so many decoding sequences.
  void observe(Seconds time, int decoding, int prompt_tokens) {
    if (decoding == 0) return;
    if (prompt_tokens == 0) {
      blend(decode_, time.count());
    } else if (decode_ > 0) {
      blend(token_, std::max(0.0, time.count() - decode_) / prompt_tokens);
    }
  }

  // Tokens of prompts that fit into a step. At least one: prompts come on as well.
  int prompt_tokens() const {
    if (decode_ == 0 || token_ == 0) return kAtFirst;
    return static_cast<int>(std::clamp((stretch_ * kMargin - 1) * decode_ / token_, 1.0, 1e6));
  }

 private:
  static constexpr int kAtFirst = 16;
  static constexpr double kMargin = 0.9;  // of the stretch: what is predicted is not always what comes
  static constexpr double kWeight = 0.25;

  static void blend(double& average, double value) {
    average = average == 0 ? value : average + kWeight * (value - average);
  }

  double stretch_;
  double decode_ = 0;  // seconds of a step without prompts
  double token_ = 0;   // seconds that a token of a prompt adds
};

}  // namespace ferrum
