// What picking one token costs: the sampling chain over a row of logits, for several settings.
//
//   ferrum_sampler_bench [--vocab 151936] [--seconds 0.4]
//
// Rows are taken in turns from 32, as a step of 32 sequences leaves them: more than the caches hold.
// Their logits are like a model's: nearly all around 0, some tens of them higher, up to 25.
#include <cmath>

#include "base/random.h"
#include "bench/measure.h"
#include "engine/test_sampler.h"

namespace ferrum::bench {
namespace {

struct SamplerOptions : Options {
  int vocab = 151936;
};

SamplerOptions parse(int argc, char** argv) {
  SamplerOptions options;
  bench::parse(argc, argv, options, [&](const std::string& flag, const std::string& value) {
    if (flag != "--vocab") return false;
    options.vocab = to_number<int>(value);
    if (options.vocab < 1) fail(ErrorCode::kBadArgument, "--vocab must be 1 or more");
    return true;
  });
  return options;
}

constexpr size_t kRows = 32;

std::vector<std::vector<float>> make_rows(size_t vocab) {
  std::vector<std::vector<float>> rows(kRows, std::vector<float>(vocab));
  for (size_t r = 0; r < kRows; ++r) {
    for (size_t i = 0; i < vocab; ++i) {
      double sum = 0;  // of uniform numbers: nearly normal, of standard deviation 2
      for (uint64_t j = 0; j < 4; ++j) sum += random_uniform(r, 4 * i + j);
      rows[r][i] = static_cast<float>((sum - 2) * 3.46);
    }
    for (uint64_t i = 0; i < 60; ++i)
      rows[r][random_bits(r + 100, i) % vocab] =
          static_cast<float>(25 - 3.5 * std::log(1.0 + static_cast<double>(i)));
  }
  return rows;
}

struct Case {
  const char* what;
  SamplingOptions options;
  int logprobs = -1;  // alternatives; -1: none
};

std::vector<Case> cases() {
  SamplingOptions off;
  off.temperature = 0.8f;
  off.top_k = 0;
  off.top_p = 1;
  off.min_p = 0;
  SamplingOptions greedy = off;
  greedy.temperature = 0;
  SamplingOptions top_p = off;
  top_p.top_p = 0.95f;
  SamplingOptions min_p = off;
  min_p.min_p = 0.05f;
  SamplingOptions typical = off;
  typical.typical_p = 0.9f;
  SamplingOptions flat = top_p;
  flat.temperature = 5;
  SamplingOptions mirostat_1 = off, mirostat_2 = off;
  mirostat_1.mirostat = 1;
  mirostat_2.mirostat = 2;
  SamplingOptions penalties;
  penalties.repetition_penalty = 1.1f;
  penalties.presence_penalty = 0.5f;
  penalties.frequency_penalty = 0.5f;
  penalties.dry_multiplier = 0.8f;
  SamplingOptions all = penalties;
  all.logit_bias = {{5, -100.0f}, {7, 3.0f}};
  all.typical_p = 0.95f;
  all.xtc_probability = 0.5f;
  return {{"default: top-k 40, top-p 0.95, min-p 0.05", {}},
          {"greedy", greedy},
          {"temperature alone", off},
          {"top-p 0.95 alone", top_p},
          {"top-p 0.95 alone, at temperature 5", flat},
          {"min-p 0.05 alone", min_p},
          {"typical 0.9 alone", typical},
          {"mirostat 1", mirostat_1},
          {"mirostat 2", mirostat_2},
          {"default and penalties, 1,000 tokens before", penalties},
          {"default and everything else", all},
          {"default, 20 logprobs", {}, 20}};
}

void run(const SamplerOptions& options) {
  const auto vocab = static_cast<size_t>(options.vocab);
  const std::vector<std::vector<float>> rows = make_rows(vocab);
  std::vector<TokenId> history(1000);
  for (size_t i = 0; i < history.size(); ++i)
    history[i] = static_cast<TokenId>(random_bits(9, i % 300) % vocab);
  std::printf("one token of %zu, us\n%-46s %10s %10s\n", vocab, "", "median", "best");
  for (const Case& c : cases()) {
    Sampler sampler(c.options, 1);
    DrawList list(options.vocab);
    test::HostDraws draws(options.vocab, 1);
    Logprobs logprobs;
    uint64_t call = 0;
    const Timing timing = time_of(1, options.seconds, [&] {
      const std::vector<float>& row = rows[call % kRows];
      const auto before = std::span(history).first(history.size() - call++ % 100);
      list.clear();
      list.begin_group();
      sampler.ask(before, 0, list).top = c.logprobs;
      draws.issue(row, list);
      const DrawnTokens drawn = draws.collect();
      sampler.take(drawn.drawn[0]);
      if (c.logprobs >= 0) read_logprobs(drawn, 0, logprobs);
    });
    std::printf("%-46s %10.1f %10.1f\n", c.what, timing.median * 1e6, timing.best * 1e6);
  }
}

}  // namespace
}  // namespace ferrum::bench

int main(int argc, char** argv) {
  using namespace ferrum::bench;
  return run_main("ferrum_sampler_bench", [&] { run(parse(argc, argv)); });
}
