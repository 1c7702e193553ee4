// In steady state sampling allocates nothing, whatever is asked for.
#include <gtest/gtest.h>

#include "base/random.h"
#include "engine/sampler.h"
#include "engine/sampling/logprobs.h"
#include "support/allocations.h"

namespace ferrum {
namespace {

std::vector<SamplingOptions> every_kind() {
  SamplingOptions off;
  off.top_k = 0;
  off.top_p = 1;
  off.min_p = 0;
  std::vector<SamplingOptions> all(9, off);
  all[0] = {};
  all[1].temperature = 0;
  all[2].top_p = 0.9f;
  all[3].min_p = 0.01f;
  all[4].typical_p = 0.9f;
  all[5].xtc_probability = 0.5f;
  all[6].mirostat = 1;
  all[7].mirostat = 2;
  all[8].repetition_penalty = 1.2f;
  all[8].frequency_penalty = 0.5f;
  all[8].dry_multiplier = 1;
  all[8].logit_bias = {{3, 1.0f}};
  return all;
}

TEST(Allocations, NoDrawAllocates) {
  constexpr size_t kVocab = 5000, kDraws = 40;
  std::vector<float> logits(kVocab);
  for (size_t i = 0; i < kVocab; ++i) logits[i] = static_cast<float>(9 * random_uniform(1, i));
  std::vector<TokenId> history(300);
  for (size_t i = 0; i < history.size(); ++i) history[i] = static_cast<TokenId>(random_bits(2, i) % 50);
  for (const SamplingOptions& options : every_kind()) {
    const Sampler fresh(options, 1);
    SamplerMemory memory;
    Logprobs logprobs;
    int64_t before = 0;
    for (int round = 0; round < 2; ++round) {  // the first makes the memory as large as it gets
      Sampler sampler = fresh;
      before = allocations;
      for (size_t i = 0; i < kDraws; ++i) {
        const TokenId id = sampler.sample(logits, std::span(history).first(history.size() - i), memory);
        read_logprobs(logits, id, 20, memory, logprobs);
      }
    }
    EXPECT_EQ(allocations - before, 0) << "mirostat " << options.mirostat << ", top-p " << options.top_p;
  }
}

}  // namespace
}  // namespace ferrum
