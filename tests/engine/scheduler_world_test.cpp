// The scheduler without a model: random requests arrive, grow, fork, end and run out of blocks, and every
// decision is checked against the scheduler's invariants.
#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <random>

#include "engine/loop/scheduler.h"

namespace ferrum {
namespace {

// The blocks that the choices of one request have in common: one count for each.
struct Common {
  int full = 0;  // blocks that all holders have
  int holders = 0;
  int partly_holders = 0;  // of one more block, not full
};

struct Sequence {
  int64_t arrival = 0;
  int priority = 0;
  int64_t rank = 0;
  int prompt = 0;
  int tokens = 0;  // so far
  int end = 0;     // tokens at the end
  int choices = 1;

  int computed = 0;
  int blocks = 0;
  std::shared_ptr<Common> common{};
  bool holds_partly = false;
  int unserved_steps = 0;  // as the first of all
  bool came_on = false;    // since it was admitted

  int missing() const { return tokens - computed; }
};

struct WorldOptions {
  int blocks = 0;
  int prompts = 0;  // longest
  int answers = 0;  // longest
  int priorities = 1;
  int arrivals = 0;       // of 1000 steps
  int cancellations = 0;  // of 1000 steps
};

class World {
 public:
  World(const SchedulerLimits& limits, const WorldOptions& options, uint64_t seed)
      : limits_(limits), options_(options), random_(seed), free_(options.blocks) {}

  // One step, with all the decisions that it takes.
  void step() {
    if (below(1000) < options_.arrivals) arrive();
    if (below(1000) < options_.cancellations) cancel();
    prompt_tokens_ = 1 + below(64);
    bool preempted = false;
    const size_t most = waiting_.size() + 2 * running_.size() + 2;
    for (size_t moves = 0;; ++moves) {
      ASSERT_LE(moves, most) << "the moves before a step are as many as there are sequences";
      const SchedulerState state = look(preempted);
      decide(limits_, state, decision_);
      decide(limits_, state, again_);
      ++decisions;
      ASSERT_EQ(decision_.kind, again_.kind) << "the same state, the same decision";
      ASSERT_EQ(decision_.tokens, again_.tokens);
      if (decision_.kind == Decision::Kind::kRun) break;
      if (decision_.kind == Decision::Kind::kAdmit) {
        ASSERT_TRUE(state.waiting);
        admit();
      } else {
        ASSERT_GT(running_.size(), 1u) << "who is alone is not sent away";
        ASSERT_TRUE(running_.back().came_on) << "who comes in comes on before it goes";
        preempt();
        preempted = true;
      }
      if (testing::Test::HasFatalFailure()) return;
    }
    run();
  }
  void run_to_the_end() {
    options_.arrivals = 0;
    for (int i = 0; !waiting_.empty() || !running_.empty(); ++i) {
      ASSERT_LT(i, 10'000'000) << "all end";
      step();
      if (testing::Test::HasFatalFailure()) return;
    }
    ASSERT_EQ(free_, options_.blocks) << "all blocks are back";
    ASSERT_EQ(arrived, finished + cancelled);
  }

  int64_t decisions = 0;
  int64_t arrived = 0;
  int64_t finished = 0;
  int64_t cancelled = 0;
  int64_t preemptions = 0;
  int longest_unserved = 0;  // steps that the first of all did not come on, though it ran

 private:
  int below(int n) { return n <= 0 ? 0 : static_cast<int>(random_() % static_cast<uint64_t>(n)); }
  int blocks_for(int tokens) const { return (tokens + limits_.block_tokens - 1) / limits_.block_tokens; }

  static void insert(std::vector<Sequence>& into, Sequence s) {
    const auto at = std::upper_bound(into.begin(), into.end(), s.rank,
                                     [](int64_t rank, const Sequence& other) { return rank > other.rank; });
    into.insert(at, std::move(s));
  }

  // What the loop refuses to take is not here: whatever comes fits into the pool by itself.
  void arrive() {
    const int most = options_.blocks * limits_.block_tokens;
    Sequence s = {.arrival = arrived++, .priority = below(options_.priorities)};
    s.prompt = std::min(1 + below(options_.prompts), most - 1);
    s.tokens = s.prompt;
    s.end = std::min(s.prompt + 1 + below(options_.answers), most);
    s.choices = below(4) == 0 ? 1 + below(4) : 1;
    arrived += s.choices - 1;
    s.rank = rank_of(s.priority, s.arrival);
    insert(waiting_, std::move(s));
  }

  void cancel() {
    std::vector<Sequence>& from = below(2) == 0 ? waiting_ : running_;
    if (from.empty()) return;
    const auto at = from.begin() + below(static_cast<int>(from.size()));
    give_back(*at);
    cancelled += at->choices;
    from.erase(at);
  }

  void give_back(Sequence& s) {
    free_ += s.blocks;
    if (s.common) {
      free_ -= s.common->full + (s.holds_partly ? 1 : 0);
      if (s.holds_partly && --s.common->partly_holders == 0) ++free_;
      if (--s.common->holders == 0) free_ += s.common->full;
    }
    s.common = nullptr;
    s.holds_partly = false;
    s.blocks = 0;
    s.computed = 0;
  }

  bool shares(const Sequence& s) const { return s.holds_partly && s.common->partly_holders > 1; }

  SchedulerState look(bool preempted) {
    views_.clear();
    for (const Sequence& s : running_)
      views_.push_back(
          {.missing = s.missing(), .computed = s.computed, .blocks = s.blocks, .shared = shares(s)});
    SchedulerState state = {
        .running = views_, .waiting = {}, .available_blocks = free_, .prompt_tokens = prompt_tokens_};
    if (!waiting_.empty() && !preempted) state.waiting = WaitingView{.tokens = waiting_.front().tokens};
    return state;
  }

  void admit() {
    ASSERT_LT(static_cast<int>(running_.size()), limits_.max_sequences);
    ASSERT_LE(blocks_for(waiting_.front().tokens), free_) << "there is room for the whole of it";
    Sequence s = std::move(waiting_.front());
    waiting_.erase(waiting_.begin());
    s.came_on = false;
    insert(running_, std::move(s));
  }

  void preempt() {
    ++preemptions;
    Sequence s = std::move(running_.back());
    running_.pop_back();
    give_back(s);
    insert(waiting_, std::move(s));
  }

  void run() {
    if (running_.empty()) {
      ASSERT_TRUE(waiting_.empty()) << "with nothing running, the first in the queue runs";
      return;
    }
    ASSERT_EQ(decision_.tokens.size(), running_.size());
    int rows = 0;
    int of_prompts = 0;
    int decoding = 0;
    for (size_t i = 0; i < running_.size(); ++i) {
      Sequence& s = running_[i];
      const int count = decision_.tokens[i];
      ASSERT_GE(count, 0);
      ASSERT_LE(count, s.missing());
      rows += count;
      (s.missing() == 1 ? decoding : of_prompts) += count;
      if (s.missing() == 1) {
        ASSERT_EQ(count, 1) << "who decodes comes on in every step";
      }
      if (count > 0) compute(s, count);
      ASSERT_GE(free_, 0) << "no block is given twice";
    }
    ASSERT_GT(rows, 0) << "where there is work, some is done";
    ASSERT_LE(rows, limits_.batch_tokens);
    if (decoding > 0) {
      ASSERT_LE(of_prompts, prompt_tokens_);
    }

    Sequence& first = running_.front();
    first.unserved_steps = decision_.tokens.front() > 0 ? 0 : first.unserved_steps + 1;
    longest_unserved = std::max(longest_unserved, first.unserved_steps);
    draw();
  }

  void compute(Sequence& s, int count) {
    s.came_on = true;
    if (shares(s)) {  // its own copy
      --s.common->partly_holders;
      s.holds_partly = false;
      --free_;
    }
    s.computed += count;
    const int blocks = std::max(s.blocks, blocks_for(s.computed));
    free_ -= blocks - s.blocks;
    s.blocks = blocks;
  }

  // A token for everyone who has all of his computed; the choices of a request part.
  void draw() {
    std::vector<Sequence> forks;
    for (Sequence& s : running_) {
      if (s.missing() > 0) continue;
      if (s.choices > 1) fork(s, forks);
      ++s.tokens;
    }
    std::erase_if(running_, [&](Sequence& s) {
      if (s.tokens < s.end) return false;
      give_back(s);
      finished += s.choices;
      return true;
    });
    for (Sequence& s : forks) {
      if (static_cast<int>(running_.size()) < limits_.max_sequences) {
        insert(running_, std::move(s));
      } else {
        give_back(s);
        insert(waiting_, std::move(s));
      }
    }
  }

  void fork(Sequence& s, std::vector<Sequence>& forks) {
    const int choices = std::exchange(s.choices, 1);
    s.common = std::make_shared<Common>();
    s.holds_partly = s.computed % limits_.block_tokens != 0;
    *s.common = {.full = s.blocks - (s.holds_partly ? 1 : 0),
                 .holders = choices,
                 .partly_holders = s.holds_partly ? choices : 0};
    for (int i = 1; i < choices; ++i) {
      Sequence other = s;
      other.end = std::min(s.prompt + 2 + below(options_.answers), options_.blocks * limits_.block_tokens);
      ++other.tokens;
      forks.push_back(std::move(other));
    }
  }

  SchedulerLimits limits_;
  WorldOptions options_;
  std::mt19937_64 random_;
  int free_;
  int prompt_tokens_ = 0;
  std::vector<Sequence> waiting_;  // best rank first, as running_
  std::vector<Sequence> running_;
  std::vector<RunningView> views_;
  Decision decision_;
  Decision again_;
};

TEST(SchedulerWorld, MillionsOfDecisionsKeepWhatTheyMust) {
  int64_t decisions = 0;
  int64_t preemptions = 0;
  for (uint64_t seed = 0; seed < 100; ++seed) {
    std::mt19937_64 random(seed);
    const auto from = [&](int least, int most) {
      return least + static_cast<int>(random() % static_cast<uint64_t>(most - least + 1));
    };
    const int sequences = from(1, seed % 4 == 0 ? 32 : 8);
    const SchedulerLimits limits = {.batch_tokens = sequences + from(0, seed % 3 == 0 ? 200 : 3),
                                    .max_sequences = sequences,
                                    .block_tokens = 1 << from(0, 4)};
    WorldOptions options = {.blocks = from(2, seed % 2 == 0 ? 12 : 200),
                            .prompts = from(1, 100),
                            .answers = from(1, 100),
                            .priorities = from(1, 4),
                            .arrivals = from(1, 300),
                            .cancellations = from(0, 30)};
    World world(limits, options, seed);
    for (int i = 0; i < 10'000; ++i) {
      world.step();
      if (HasFatalFailure()) FAIL() << "seed " << seed << ", step " << i;
    }
    world.run_to_the_end();
    if (HasFatalFailure()) FAIL() << "seed " << seed;
    decisions += world.decisions;
    preemptions += world.preemptions;
    EXPECT_LE(world.longest_unserved, limits.block_tokens * limits.max_sequences) << "seed " << seed;
  }
  EXPECT_GT(decisions, 1'000'000);
  EXPECT_GT(preemptions, 10'000);
}

}  // namespace
}  // namespace ferrum
