// How many prompt tokens a step computes beside sequences that decode.
//
// The time is shared by numbers. A step gives a token to each of the d decoding sequences, which takes t(d)
// seconds. Of the w requests that wait for their first token, each brings the prompts as much time as a lone
// sequence's token takes, t(1), and that w times, because time spent on the first prompt in the queue
// shortens the wait of all w. So a step takes on average, with the factor `stretch` of a little less than 2,
//
//   t(d) + (stretch − 1) · max(t(d), w² · t(1))
//
// Few decoding sequences cannot hold back many waiting requests, and a single prompt, however long, at most
// doubles the time between tokens. Decoding sequences count by what they cost: where many together take
// hardly longer than one, they weigh hardly more than one.
//
// All times are measured. t(d) is a line through the times of steps without prompts; there is one such step
// every now and then, because t grows with the contexts. A prompt token's time is what a step took beyond
// t(d). It isn't proportional to the tokens: a chunk reads its prompt's cache once, however short the chunk.
// So a step computes at least kLeast prompt tokens or none. What prompts took beyond their time or left of
// it is balanced by the steps after. Clocks decide only how fast tokens come, never which.
#pragma once
#include <algorithm>
#include <chrono>

namespace ferrum {

// Sequences by what they wait for.
struct Crowd {
  int decoding = 0;  // the next token
  int waiting = 0;   // the first token: in the queue, or with a part of the prompt still to be computed
};

class Pace {
 public:
  using Seconds = std::chrono::duration<double>;

  static constexpr int kLeast = 8;     // prompt tokens of a step that has any
  static constexpr int kRefresh = 16;  // steps with prompts, after which one goes without

  // `stretch` > 1: how many times t(d) a step takes on average beside a single prompt.
  explicit Pace(double stretch) : stretch_(stretch) {}

  // Learns from a step that took `time` and computed `prompt_tokens` beside the decoding sequences.
  void observe(Seconds time, const Crowd& crowd, int prompt_tokens) {
    if (crowd.decoding == 0) return;
    if (prompt_tokens == 0) {
      learn_decoding(time.count(), crowd.decoding);
      const double allowed = allowance(crowd);
      balance_ = std::min(balance_ + allowed, crowd.waiting > 0 ? kMostCredit * allowed : 0);
      since_refresh_ = 0;
    } else if (knows_decoding()) {
      const double allowed = allowance(crowd);
      const double added = std::max(0.0, time.count() - decoding_time(crowd.decoding));
      token_ = blend(token_, std::max(kFree, added / prompt_tokens));
      balance_ += allowed - added;
      most_ = balance_ >= 0 ? std::max(most_, 2 * prompt_tokens) : std::max(kLeast, prompt_tokens);
      balance_ = std::clamp(balance_, -kMostDebt * allowed, kMostCredit * allowed);
      ++since_refresh_;
    }
  }

  // Prompt tokens of the next step at most; 0: it computes none.
  int prompt_tokens(const Crowd& crowd) const {
    if (!knows_decoding() || balance_ < 0 || since_refresh_ >= kRefresh) return 0;
    if (token_ == 0) return kLeast;
    return static_cast<int>(std::clamp<double>((balance_ + allowance(crowd)) / token_, kLeast, most_));
  }

 private:
  static constexpr double kMostDebt = 16;   // allowances: a pause of the machine is not the prompts' fault
  static constexpr double kMostCredit = 1;  // allowances
  static constexpr double kWeight = 0.25;   // of the newest time in an average
  static constexpr double kFree = 1e-6;     // seconds: shorter times cannot be measured

  static double at_most_triple(double value, double average) { return std::min(value, 3 * average); }
  static double blend(double average, double value) {
    return average == 0 ? value : average + kWeight * (at_most_triple(value, average) - average);
  }

  bool knows_decoding() const { return step_ > 0; }
  // t(d)
  double decoding_time(int decoding) const { return step_ + sequence_ * decoding; }

  // Moves the line towards the newest time, by normalised least mean squares.
  void learn_decoding(double seconds, int decoding) {
    if (!knows_decoding()) {
      step_ = std::max(kFree, seconds);
      return;
    }
    const double expected = decoding_time(decoding);
    const double error = at_most_triple(seconds, expected) - expected;
    const double d = decoding;
    const double move = kWeight * error / (1 + d * d);
    step_ = std::max(kFree, step_ + move);
    sequence_ = std::max(0.0, sequence_ + move * d);
  }

  // Seconds that prompts may add to a step.
  double allowance(const Crowd& crowd) const {
    const double waiting = crowd.waiting;
    return (stretch_ - 1) * std::max(decoding_time(crowd.decoding), waiting * waiting * decoding_time(1));
  }

  double stretch_;
  double step_ = 0;  // t(d) = step_ + sequence_ · d, in seconds; 0: not known
  double sequence_ = 0;
  double token_ = 0;    // seconds that a prompt token adds; 0: not known
  double balance_ = 0;  // seconds that prompts may still take; below 0: that they took too many
  int most_ = kLeast;   // twice what was seen to fit: one step timed badly must not cause a leap
  int since_refresh_ = 0;
};

}  // namespace ferrum
