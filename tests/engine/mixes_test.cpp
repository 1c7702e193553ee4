// Random mixes of requests over the demonstration models, and over models that keep states or windows: each
// gets bit for bit what it gets alone, whatever the company, the chunks, the memory, the cache and the
// drafts.
//
// All 200 mixes of 64 of the demonstration models, and 200 of each of the others:
//   engine_test --gtest_filter='*AllMixes*' --gtest_also_run_disabled_tests
#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <thread>

#include "engine/answers.h"
#include "support/paths.h"

namespace ferrum {
namespace {

using test::Answers;
using test::ReadAnswer;

constexpr int kContext = 512;  // of all these models
constexpr int kRequests = 64;  // of a mix

class Random {
 public:
  explicit Random(uint64_t seed) : bits_(seed) {}
  uint64_t bits() { return bits_(); }
  int from(int least, int most) {
    return least + static_cast<int>(bits_() % static_cast<uint64_t>(most - least + 1));
  }
  bool one_in(int n) { return from(1, n) == 1; }

 private:
  std::mt19937_64 bits_;
};

SamplingOptions random_sampling(Random& random) {
  SamplingOptions s;
  s.seed = random.bits();
  switch (random.from(0, 5)) {
    case 0:
      s.temperature = 0;
      break;
    case 1:
      s.top_k = 0;
      s.top_p = 1;
      s.min_p = 0;
      s.temperature = 1.5f;
      break;
    case 2:
      s.repetition_penalty = 1.3f;
      s.frequency_penalty = 0.4f;
      s.dry_multiplier = 0.8f;
      break;
    case 3:
      s.mirostat = random.from(1, 2);
      break;
    case 4:
      s.typical_p = 0.9f;
      s.xtc_probability = 0.5f;
      s.logit_bias = {{300, 2.0f}, {301, -100.0f}};
      break;
    default:
      break;
  }
  return s;
}

struct TokenRange {
  int first, last;
};

// Prompts begin with a part of one of four texts; some repeat themselves.
std::vector<int32_t> random_prompt(Random& random, int tokens, const TokenRange& range) {
  std::vector<int32_t> prompt;
  Random text(static_cast<uint64_t>(random.from(1, 4)));
  const int shared = random.from(0, tokens);
  const int period = random.one_in(4) ? random.from(2, 20) : kContext;
  for (int i = 0; i < tokens; ++i) {
    const auto p = static_cast<size_t>(period);
    if (prompt.size() >= p)
      prompt.push_back(prompt[prompt.size() - p]);
    else
      prompt.push_back((i < shared ? text : random).from(range.first, range.last));
  }
  return prompt;
}

Request random_request(Random& random, const TokenRange& range) {
  Request r;
  const bool is_long = random.one_in(3);
  r.max_tokens = is_long ? random.from(60, 120) : random.from(1, 30);
  const bool shifts = random.one_in(16);
  const int longest = kContext - (shifts ? 1 : r.max_tokens);
  const int least = shifts ? longest - 20 : 1;
  r.prompt = TokenPrompt{
      random_prompt(random, random.from(least, !is_long && random.one_in(2) ? longest : least + 20), range)};
  r.context_end = shifts ? Request::ContextEnd::kShifts : Request::ContextEnd::kFinishes;
  r.sampling = random_sampling(random);
  r.choices = random.one_in(4) ? random.from(2, 3) : 1;
  r.priority = random.from(0, 2);
  r.logprobs = random.from(0, 2);
  if (random.one_in(8)) r.cache_salt = "another";
  if (random.one_in(4)) r.stop = {"e", " the "};
  if (random.one_in(2)) r.end_of_text = Request::EndOfText::kIgnored;
  if (random.one_in(8)) r.min_tokens = random.from(1, r.max_tokens);
  return r;
}

template <class T>
void expect_one_begins_the_other(const std::vector<T>& a, const std::vector<T>& b) {
  const auto common = static_cast<std::ptrdiff_t>(std::min(a.size(), b.size()));
  ASSERT_TRUE(std::equal(a.begin(), a.begin() + common, b.begin()));
}

void expect_same(const Answers& told, const Answers& alone) {
  ASSERT_EQ(told.error, alone.error);
  for (size_t i = 0; i < told.choices.size(); ++i) {
    const ReadAnswer& answer = told.choices[i];
    const ReadAnswer& wanted = alone.choices[i];
    if (!alone.error.empty()) continue;
    ASSERT_TRUE(answer.finish && wanted.finish);
    if (answer.finish->reason == FinishReason::kCancelled) {
      // A character whose bytes had not all come is replaced by U+FFFD.
      std::string_view whole = answer.text;
      while (whole.ends_with("\uFFFD")) whole.remove_suffix(3);
      ASSERT_TRUE(wanted.text.starts_with(whole));
      // Tokens that might begin a stop string come as well; they are no part of the answer if one followed.
      ASSERT_LE(std::ssize(answer.tokens), wanted.finish->usage.generated_tokens);
      expect_one_begins_the_other(answer.tokens, wanted.tokens);
      expect_one_begins_the_other(answer.logprobs, wanted.logprobs);
      continue;
    }
    ASSERT_EQ(answer.text, wanted.text);
    ASSERT_EQ(answer.tokens, wanted.tokens);
    ASSERT_EQ(answer.logprobs, wanted.logprobs);
    ASSERT_EQ(answer.finish->reason, wanted.finish->reason);
    ASSERT_EQ(answer.finish->usage.generated_tokens, wanted.finish->usage.generated_tokens);
  }
}

struct Setup {
  const char* model;  // a demonstration model, or a file or folder in goldens2
  const char* kv_dtype;
  TokenRange tokens = {260, 1500};
  const char* draft = "demo-dense";  // "": none has this vocabulary
  bool is_golden = false;
};

std::filesystem::path path_of(const Setup& setup, const char* name) {
  return setup.is_golden ? test::shared("goldens2") / name : test::demonstration(name);
}

class Mixes : public testing::TestWithParam<Setup> {
 protected:
  void run(int catalogue, int mixes) {
    read_alone(catalogue);
    for (int mix = 0; mix < mixes && !HasFatalFailure(); ++mix) {
      SCOPED_TRACE(testing::Message() << "mix " << mix);
      run_mix(static_cast<uint64_t>(mix));
    }
    if (HasFatalFailure()) return;
    if (mixes > 10) {
      EXPECT_GT(preemptions_, 0);
    }  // of a few perhaps none was
    EXPECT_GT(cached_, mixes);
    EXPECT_GT(cancelled_, 0);
    RecordProperty("preemptions", static_cast<int>(preemptions_));
    RecordProperty("cached_tokens", static_cast<int>(cached_));
    RecordProperty("cancelled", static_cast<int>(cancelled_));
    RecordProperty("accepted_tokens", static_cast<int>(accepted_));
  }

 private:
  static bool has_mtp() { return std::string_view(GetParam().model).find("mtp_") != std::string_view::npos; }
  EngineOptions options() const {
    return {.model = path_of(GetParam(), GetParam().model),
            .threads = 1,
            .max_context = kContext,
            .prefix_cache = false,
            .kv_dtype = GetParam().kv_dtype};
  }

  void read_alone(int count) {
    const auto engine = Engine::load(options());
    Random random(1);
    for (int i = 0; i < count; ++i) {
      requests_.push_back(random_request(random, GetParam().tokens));
      alone_.push_back(test::read(*engine->submit(requests_.back()), requests_.back().choices));
      ASSERT_EQ(alone_.back().error, "");
    }
  }

  void run_mix(uint64_t mix) {
    Random random(mix);
    EngineOptions o = options();
    if (random.one_in(4)) o.threads = 2;
    const bool is_tight = mix % 2 == 0;  // so that some are preempted
    o.max_sequences = is_tight ? random.from(12, 20) : random.from(2, 20);
    o.kv_tokens = kContext * (is_tight ? 1 : random.from(1, 8));
    o.batch_tokens = random.one_in(2) ? random.from(1, 16) : random.from(1, kContext);
    o.prefix_cache = !random.one_in(3);
    if (random.one_in(3)) o.speculate = "ngram";
    const auto draft = path_of(GetParam(), GetParam().draft);
    if (o.speculate.empty() && random.one_in(3) && o.model != draft && *GetParam().draft != '\0') {
      o.speculate = "draft";
      o.draft = draft;
    }
    if (has_mtp() && random.one_in(2)) {
      o.speculate = "mtp";
      o.draft.clear();
    }
    // Few states may be kept, or many.
    if (GetParam().is_golden && random.one_in(2)) o.state_cache = uint64_t{1} << random.from(15, 20);
    const auto engine = Engine::load(o);

    std::vector<size_t> asked;
    std::vector<std::unique_ptr<EventStream>> streams;
    std::vector<Answers> told(kRequests);
    std::vector<std::jthread> readers;
    for (size_t i = 0; i < kRequests; ++i) {
      asked.push_back(random.bits() % requests_.size());
      streams.push_back(engine->submit(requests_[asked[i]]));
      readers.emplace_back([&told, i, &stream = *streams[i], choices = requests_[asked[i]].choices,
                            cancel_after = random.one_in(8) ? random.from(0, 30) : -1] {
        told[i] = test::read(stream, choices, cancel_after);
      });
      if (random.one_in(4)) std::this_thread::sleep_for(std::chrono::microseconds(random.from(1, 5000)));
    }
    readers.clear();
    for (size_t i = 0; i < kRequests; ++i) {
      SCOPED_TRACE(testing::Message() << "request " << asked[i]);
      expect_same(told[i], alone_[asked[i]]);
    }
    while (engine->stats().finished + engine->stats().cancelled + engine->stats().failed < kRequests)
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    const EngineStats stats = engine->stats();
    EXPECT_EQ(stats.used_blocks, 0);
    preemptions_ += stats.preemptions;
    cached_ += stats.cached_tokens;
    cancelled_ += stats.cancelled;
    accepted_ += stats.accepted_tokens;
  }

  std::vector<Request> requests_;
  std::vector<Answers> alone_;
  int64_t preemptions_ = 0;
  int64_t cached_ = 0;
  int64_t cancelled_ = 0;
  int64_t accepted_ = 0;
};

std::string test_name(const testing::TestParamInfo<Setup>& info) {
  std::string name = std::filesystem::path(info.param.model).stem().string() + "_" + info.param.kv_dtype;
  std::replace(name.begin(), name.end(), '-', '_');
  return name;
}

TEST_P(Mixes, N1_EveryRequestGetsWhatItGetsAlone) { run(64, 2); }

TEST_P(Mixes, DISABLED_AllMixes) { run(256, 40); }

INSTANTIATE_TEST_SUITE_P(Models, Mixes,
                         testing::Values(Setup{"demo-dense", "f16"}, Setup{"demo-dense", "f32"},
                                         Setup{"demo-dense", "int8"}, Setup{"demo-moe", "f16"},
                                         Setup{"demo-moe", "int8"}),
                         test_name);

// States and windows, which cannot be taken back, as keys and values can, and latent vectors.
class HybridMixes : public Mixes {
 protected:
  void SetUp() override { FERRUM_NEEDS_SHARED(path_of(GetParam(), GetParam().model)); }
};

TEST_P(HybridMixes, N1_N3_EveryRequestGetsWhatItGetsAlone) { run(24, 2); }

TEST_P(HybridMixes, DISABLED_AllMixes) { run(256, 200); }

constexpr Setup of_golden(const char* model, const char* draft, const char* kv_dtype = "f16") {
  return {model, kv_dtype, {3, 383}, draft, true};
}
constexpr const char* kDraft = "gguf/olmo2.gguf";

INSTANTIATE_TEST_SUITE_P(
    Goldens, HybridMixes,
    testing::Values(of_golden("gguf/qwen3_next.gguf", kDraft),
                    of_golden("gguf/qwen3_5_text.gguf", kDraft, "int8"),
                    of_golden("gguf/qwen3_5_moe_text.gguf", kDraft),
                    of_golden("gguf/gemma4_e2b.gguf", kDraft), of_golden("gguf/gemma4_moe.gguf", kDraft),
                    of_golden("gguf/lfm2.gguf", kDraft), of_golden("gguf/lfm2_moe.gguf", kDraft, "f32"),
                    of_golden("lfm3", "olmo2"), of_golden("kimi_linear", "olmo2"),
                    of_golden("mtp_qwen3_5", "olmo2"), of_golden("gguf/nemotron_h_moe.gguf", kDraft),
                    of_golden("gguf/granitemoehybrid.gguf", kDraft, "int8"), of_golden("bamba", "olmo2"),
                    of_golden("gguf/falcon_h1.gguf", kDraft, "f32"),
                    of_golden("gguf/deepseek_v2.gguf", kDraft), of_golden("mtp_deepseek_v3", "olmo2"),
                    of_golden("glm4_moe_lite", "olmo2", "f32"), of_golden("mtp_glm4_moe", "olmo2", "int8"),
                    of_golden("gguf/gpt_oss_mxfp4.gguf", kDraft),
                    of_golden("gguf/gemma3.gguf", kDraft, "int8")),
    test_name);

}  // namespace
}  // namespace ferrum
