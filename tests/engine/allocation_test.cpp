// In steady state nothing is allocated, neither by a draw with any options nor by a step of the loop.
#include <gtest/gtest.h>

#include "base/random.h"
#include "checkpoint/checkpoint.h"
#include "engine/backend_factory.h"
#include "engine/free_model.h"
#include "engine/local/event_queue.h"
#include "engine/loop/loop.h"
#include "engine/runner.h"
#include "engine/test_sampler.h"
#include "support/allocations.h"
#include "support/paths.h"

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
  constexpr int kVocab = 5000;
  constexpr size_t kDraws = 40;
  std::vector<float> logits(kVocab);
  for (size_t i = 0; i < kVocab; ++i) logits[i] = static_cast<float>(9 * random_uniform(1, i));
  std::vector<TokenId> history(300);
  for (size_t i = 0; i < history.size(); ++i) history[i] = static_cast<TokenId>(random_bits(2, i) % 50);
  for (const SamplingOptions& options : every_kind()) {
    const Sampler fresh(options, 1);
    DrawList list(kVocab);
    test::HostDraws draws(kVocab, 1);
    Logprobs logprobs;
    int64_t before = 0;
    for (int round = 0; round < 2; ++round) {  // the first makes the memory as large as it gets
      Sampler sampler = fresh;
      before = allocations;
      for (size_t i = 0; i < kDraws; ++i) {
        list.clear();
        list.begin_group();
        sampler.ask(std::span(history).first(history.size() - i), 0, list).top = kMostTop;
        draws.issue(logits, list);
        const DrawnTokens drawn = draws.collect();
        sampler.take(drawn.drawn[0]);
        read_logprobs(drawn, 0, logprobs);
      }
    }
    EXPECT_EQ(allocations - before, 0) << "mirostat " << options.mirostat << ", top-p " << options.top_p;
  }
}

constexpr int kSequences = 32;
constexpr int kSteps = 100;
constexpr int kAnswer = 140;
constexpr int kBlockTokens = 16;

// What the loop's thread allocates in 100 steps of 32 sequences that decode, their events read meanwhile.
int64_t allocations_of_steps(StepRunner& model, const Tokenizer& tokenizer) {
  const int blocks = kSequences * (kAnswer / kBlockTokens + 4);
  Loop loop(model, &tokenizer,
            {.limits = {.batch_tokens = 512, .max_sequences = kSequences, .block_tokens = kBlockTokens},
             .cache = {.blocks = blocks, .block_tokens = kBlockTokens},
             .stretch = 1e6});
  const std::vector<SamplingOptions> kinds = every_kind();
  std::vector<std::shared_ptr<EventQueue>> readers;
  int64_t events = 0;
  const auto step = [&] {
    loop.step();
    for (const auto& reader : readers)
      while (reader->waiting() > 0) events += reader->next().has_value();
  };
  int64_t allocated = 0;
  for (int round = 0; round < 2; ++round) {  // the first makes the memory as large as it gets
    readers.clear();
    for (size_t i = 0; i < kSequences; ++i) {
      auto job = std::make_shared<Job>();
      job->request.max_tokens = kAnswer;
      job->request.sampling = kinds[i % kinds.size()];
      job->request.stop = {"a stop string that never comes"};
      for (size_t k = 0; k < 10 + i; ++k) job->prompt.push_back(static_cast<TokenId>(3 + (i * 7 + k) % 50));
      job->limit = job->prompt.size() + kAnswer;
      job->facts.prompt_tokens = job->prompt.size();
      job->sink = readers.emplace_back(std::make_shared<EventQueue>(1));
      loop.add(std::move(job));
    }
    while (loop.waiting() > 0 || loop.stats().running < kSequences) step();
    for (int i = 0; i < 20; ++i) step();  // the rest of the prompts
    const int64_t allocated_before = allocations_here;
    const int64_t events_before = events;
    for (int i = 0; i < kSteps; ++i) step();
    allocated = allocations_here - allocated_before;
    EXPECT_EQ(loop.stats().running, kSequences);
    EXPECT_GT(events - events_before, kSequences * kSteps / 2);
    while (!loop.idle()) step();
  }
  return allocated;
}

std::shared_ptr<const Checkpoint> demonstration() {
  return Checkpoint::open(std::filesystem::path(FERRUM_SOURCE_DIR) / "models" / "demo-dense.gguf");
}

TEST(Allocations, NoStepOfTheLoopAllocates) {
  test::FreeModel model(kSequences, 300);
  EXPECT_EQ(allocations_of_steps(model, *demonstration()->load_tokenizer()), 0);
}

TEST(Allocations, NorDoesItWithAModel) {
  const auto checkpoint = demonstration();
  Runner runner(make_backend({.name = "cpu", .threads = 1}), checkpoint,
                {.max_sequences = kSequences,
                 .max_outputs = kSequences,
                 .max_context = 256,
                 .kv_tokens = kSequences * 256,
                 .block_tokens = kBlockTokens});
  EXPECT_EQ(allocations_of_steps(runner, *checkpoint->load_tokenizer()), 0);
}

}  // namespace
}  // namespace ferrum
