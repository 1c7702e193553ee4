// A model that costs nothing and gives away every mix-up: what it keeps at a position depends on all tokens
// so far, and its logits on all that a sequence's blocks hold. With it, requests and readers for the loop.
#pragma once
#include <gtest/gtest.h>

#include <cmath>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <vector>

#include "base/random.h"
#include "engine/logits_model.h"
#include "engine/loop/loop.h"

namespace ferrum::test {

constexpr int kVocab = 50;
constexpr int kBlockTokens = 4;
constexpr TokenId kEnd = 1;
constexpr TokenId kPoison = 2;  // after this one, which is not drawn, logits are no numbers

class MemoryModel final : public LogitsModel {
 public:
  explicit MemoryModel(int blocks, const std::vector<WindowPages::Options>& windows = {})
      : windows_(windows) {
    memory_.emplace_back(static_cast<size_t>(blocks) * kBlockTokens);
    for (const WindowPages::Options& window : windows)
      memory_.emplace_back(static_cast<size_t>(window.pages) * kBlockTokens);
  }

  std::span<const float> step(std::span<const Chunk> chunks) override {
    logits_.clear();
    for (const Chunk& chunk : chunks) {
      const int end = chunk.position + static_cast<int>(chunk.tokens.size());
      largest_ = std::max(largest_, end);
      for (int i = chunk.position; i < end; ++i) {
        at(chunk, i) =
            random_bits(i == 0 ? 0 : at(chunk, i - 1),
                        static_cast<uint64_t>(chunk.tokens[static_cast<size_t>(i - chunk.position)]));
        for (size_t w = 0; w < windows_.size(); ++w) at(chunk, i, w + 1) = at(chunk, i);
      }
      const int rows = chunk.outputs == Outputs::kNone   ? 0
                       : chunk.outputs == Outputs::kLast ? 1
                                                         : static_cast<int>(chunk.tokens.size());
      for (int row = end - rows; row < end; ++row)
        add_logits(chunk, row, chunk.tokens[static_cast<size_t>(row - chunk.position)]);
    }
    ++steps_;
    return logits_;
  }
  void copy_blocks(std::span<const BlockCopy> copies) override {
    for (const BlockCopy& copy : copies)
      for (size_t i = 0; i < kBlockTokens; ++i)
        memory(copy.group)[index_of(copy.to) * kBlockTokens + i] =
            memory(copy.group)[index_of(copy.from) * kBlockTokens + i];
  }
  void read_hidden(std::span<float>) override {}
  int hidden() const override { return 0; }
  int vocab() const override { return kVocab; }
  int steps() const { return steps_; }

 private:
  void add_logits(const Chunk& chunk, int last, TokenId token) {
    uint64_t all = 0;
    for (int i = 0; i <= last; ++i) all = random_bits(all, at(chunk, i));
    // Pages hold the same, so that a model with windows answers as one without.
    for (size_t w = 0; w < windows_.size(); ++w)
      for (int i = std::max(0, last - windows_[w].window + 1); i <= last; ++i)
        if (at(chunk, i, w + 1) != at(chunk, i)) all = ~all;
    for (int v = 0; v < kVocab; ++v)
      logits_.push_back(token == kPoison ? std::nanf("")
                        : v == kPoison
                            ? -1000
                            : static_cast<float>(random_uniform(all, static_cast<uint64_t>(v)) * 4));
  }
  uint64_t& at(const Chunk& chunk, int position, size_t group = 0) {
    const auto index = static_cast<size_t>(position / kBlockTokens);
    const BlockId block = group == 0 ? chunk.blocks[index] : chunk.pages[group - 1][index];
    return memory_[group].at(index_of(block) * kBlockTokens + static_cast<size_t>(position % kBlockTokens));
  }
  std::vector<uint64_t>& memory(int group) { return memory_[static_cast<size_t>(group)]; }

  std::vector<WindowPages::Options> windows_;
  std::vector<std::vector<uint64_t>> memory_;  // of the blocks, and of each window's pages
  std::vector<float> logits_;
  int largest_ = 0;
  int steps_ = 0;
};

struct Choice {
  std::vector<TokenId> tokens;
  std::vector<float> logprobs;
  std::optional<FinishEvent> finish;
};

class Reader final : public EventSink {
 public:
  void push(Event event) override {
    EXPECT_TRUE(error.code.empty()) << "nothing comes after an error";
    if (const auto* token = std::get_if<TokenEvent>(&event)) {
      Choice& choice = choices[token->choice];
      EXPECT_FALSE(choice.finish) << "nothing comes after the end";
      choice.tokens.push_back(token->token.id);
      choice.logprobs.push_back(token->token.logprob);
      if (++told == cancel_after) is_cancelled = true;
    } else if (const auto* finish = std::get_if<FinishEvent>(&event)) {
      EXPECT_FALSE(choices[finish->choice].finish) << "one end";
      choices[finish->choice].finish = *finish;
    } else if (auto* whole = std::get_if<PromptEvent>(&event)) {
      EXPECT_TRUE(!prompt && choices.empty()) << "once, and first";
      prompt = std::move(*whole);
    } else if (const auto* e = std::get_if<ErrorEvent>(&event)) {
      error = *e;
    }
  }
  bool cancelled() const override { return is_cancelled; }

  std::map<int, Choice> choices;
  std::optional<PromptEvent> prompt;
  ErrorEvent error;
  int told = 0;
  int cancel_after = -1;
  bool is_cancelled = false;
};

struct Asked {
  std::shared_ptr<Job> job;
  std::shared_ptr<Reader> reader;
};

inline Asked ask(std::vector<TokenId> prompt, int max_tokens, uint64_t seed) {
  Asked asked = {std::make_shared<Job>(), std::make_shared<Reader>()};
  Job& job = *asked.job;
  job.request.max_tokens = max_tokens;
  job.request.logprobs = 0;
  job.request.sampling = {.temperature = 1, .top_k = 0, .top_p = 1, .min_p = 0};
  job.limit = prompt.size() + static_cast<size_t>(max_tokens);
  job.facts = {.prompt_tokens = prompt.size(), .ends = {kEnd}};
  job.prompt = std::move(prompt);
  job.root = root_key("", "", "");
  job.seed = seed;
  job.sink = asked.reader;
  return asked;
}

// Windows with as many pages as the engine gives them (windows_of), not one more.
inline std::vector<WindowPages::Options> windows_for(const std::vector<int>& windows, int sequences,
                                                     int batch_tokens) {
  std::vector<WindowPages::Options> all;
  for (const int window : windows)
    all.push_back({window, sequences * ((window + kBlockTokens - 2) / kBlockTokens + 2) +
                               (batch_tokens + kBlockTokens - 1) / kBlockTokens});
  return all;
}
inline std::vector<int> some_windows(uint64_t mix) {
  static const std::vector<std::vector<int>> kSome = {{}, {1}, {7}, {5, 17}, {24}};
  return kSome[mix % kSome.size()];
}

inline LoopOptions options(int blocks, int sequences, int batch_tokens,
                           PrefixCache::Reuse reuse = PrefixCache::Reuse::kOn,
                           const std::vector<WindowPages::Options>& windows = {}) {
  return {.limits = {.batch_tokens = batch_tokens, .max_sequences = sequences, .block_tokens = kBlockTokens},
          .cache = {.blocks = blocks, .block_tokens = kBlockTokens, .reuse = reuse, .windows = windows}};
}

inline void run(Loop& loop) {
  for (int i = 0; !loop.idle(); ++i) {
    ASSERT_LT(i, 1'000'000) << "the loop does not end";
    loop.step();
  }
  EXPECT_EQ(loop.cache().pool().used(), 0);
}

inline std::shared_ptr<const Reader> told_alone(const Job& job) {
  MemoryModel model(200);
  Loop loop(model, nullptr, options(200, 8, 512, PrefixCache::Reuse::kOff));
  const Asked again = ask(job.prompt, job.request.max_tokens, job.seed);
  again.job->request = job.request;
  again.job->facts = job.facts;
  loop.add(again.job);
  run(loop);
  return again.reader;
}
inline std::map<int, Choice> alone(const Job& job) { return told_alone(job)->choices; }

inline std::vector<TokenId> random_prompt(std::mt19937_64& random, int longest) {
  static constexpr int kPrefix = 60;
  std::vector<TokenId> prompt;
  const int shared = static_cast<int>(random() % kPrefix);
  for (int i = 0; i < shared; ++i) prompt.push_back(3 + i % 7);
  for (int i = 1 + static_cast<int>(random() % static_cast<uint64_t>(longest)); i > 0; --i)
    prompt.push_back(3 + static_cast<TokenId>(random() % (kVocab - 3)));
  return prompt;
}

}  // namespace ferrum::test
