// Adapters of an engine: many in one batch, loaded, unloaded and evicted while requests run.
#include <gtest/gtest.h>

#include <cmath>
#include <fstream>
#include <random>
#include <set>
#include <thread>

#include "base/error.h"
#include "engine/answers.h"
#include "engine/random_adapter.h"
#include "support/errors.h"
#include "support/files.h"
#include "support/paths.h"

namespace ferrum {
namespace {

using test::Answers;

constexpr int kAdapters = 8;
constexpr int kRequests = 64;

std::string name_of_adapter(int i) { return "a" + std::to_string(i); }

// A base of tests/data with eight adapters, of which some leave layers, or experts, as they are.
class Adapters : public testing::TestWithParam<const char*> {
 protected:
  void SetUp() override {
    base_ = test::data(std::string("goldens/") + GetParam());
    const auto checkpoint = Checkpoint::open(base_);
    for (int i = 0; i < kAdapters; ++i) {
      test::RandomAdapter what = {.rank = 1 + 3 * i, .seed = static_cast<uint32_t>(i + 1)};
      if (i % 3 == 1)
        what.changes = [](const std::string& name) { return name.find(".layers.0.") == std::string::npos; };
      if (i % 3 == 2)
        what.changes = [](const std::string& name) { return name.find(".self_attn.") != std::string::npos; };
      test::write_adapter(path(i), *checkpoint, what);
    }
  }
  std::filesystem::path path(int i) const { return folder_.path() / name_of_adapter(i); }
  EngineOptions options() const {
    EngineOptions o = {.model = base_, .threads = 1, .max_context = 128, .max_sequences = 1};
    for (int i = 0; i < kAdapters; ++i) o.adapters.push_back({name_of_adapter(i), path(i)});
    return o;
  }

  test::TemporaryFolder folder_;
  std::filesystem::path base_;
};

Request request_of(uint32_t seed) {
  std::mt19937 random(seed);
  const auto from = [&](int least, int most) {
    return least + static_cast<int>(random() % static_cast<uint32_t>(most - least + 1));
  };
  Request r;
  TokenPrompt prompt;
  // Some prompts begin alike, whatever the adapter.
  const int tokens = from(1, 60);
  for (int i = 0; i < tokens; ++i)
    prompt.ids.push_back(i < 40 ? 3 + i % (3 + static_cast<int>(seed % 2)) : from(3, 99));
  r.prompt = prompt;
  r.max_tokens = from(1, 30);
  r.sampling.seed = seed;
  r.sampling.temperature = seed % 3 == 0 ? 0 : 1.2f;
  r.logprobs = 2;
  r.end_of_text = Request::EndOfText::kIgnored;
  if (const int adapter = from(-1, kAdapters - 1); adapter >= 0) r.adapter = name_of_adapter(adapter);
  if (from(0, 3) == 0) r.adapter_scale = 0.5f;
  return r;
}

void expect_same(const Answers& told, const Answers& alone) {
  ASSERT_EQ(told.error, alone.error);
  ASSERT_TRUE(told.choices[0].finish && alone.choices[0].finish);
  const auto& got = told.choices[0];
  const auto& wanted = alone.choices[0];
  if (got.finish->reason != FinishReason::kCancelled) {
    EXPECT_EQ(got.tokens, wanted.tokens);
    EXPECT_EQ(got.logprobs, wanted.logprobs);
    return;
  }
  ASSERT_LE(got.tokens.size(), wanted.tokens.size());
  EXPECT_TRUE(std::equal(got.tokens.begin(), got.tokens.end(), wanted.tokens.begin()));
  EXPECT_TRUE(std::equal(got.logprobs.begin(), got.logprobs.end(), wanted.logprobs.begin()));
}

// Three may be in memory at once, so that they are evicted and read again; and each is unloaded once its
// requests are under way, and comes back under its name.
TEST_P(Adapters, N1_B52_EveryRequestGetsWhatItGetsAlone) {
  std::vector<Answers> alone;
  {
    EngineOptions o = options();
    o.prefix_cache = false;
    const auto engine = Engine::load(o);
    for (uint32_t i = 0; i < kRequests; ++i) alone.push_back(test::read(*engine->submit(request_of(i)), 1));
    EXPECT_EQ(alone[0].error, "");
    std::set<std::vector<int32_t>> different;
    for (const auto& adapter : {"", "a0", "a1", "a5"}) {
      Request r = request_of(0);
      r.adapter = adapter;
      r.max_tokens = 30;
      r.sampling.temperature = 0;
      different.insert(test::read(*engine->submit(r), 1).choices[0].tokens);
    }
    EXPECT_GT(different.size(), 2U) << "adapters change answers";
  }
  for (const int at_once : {kAdapters, kAdapters + 1}) {
    EngineOptions o = options();
    o.max_sequences = 12;
    o.threads = 2;
    o.batch_tokens = at_once == kAdapters ? 7 : 128;
    o.kv_tokens = 512;
    o.max_adapters = at_once + 8;  // those that were unloaded are still in use
    if (at_once > kAdapters) o.speculate = "ngram";
    const auto engine = Engine::load(o);
    std::mt19937 random(static_cast<uint32_t>(at_once));
    std::vector<std::unique_ptr<EventStream>> streams;
    std::vector<Answers> told(kRequests);
    std::vector<std::jthread> readers;
    for (uint32_t i = 0; i < kRequests; ++i) {
      streams.push_back(engine->submit(request_of(i)));
      readers.emplace_back([&told, i, &stream = *streams[i],
                            cancel_after = random() % 6 == 0 ? static_cast<int>(random() % 10) : -1] {
        told[i] = test::read(stream, 1, cancel_after);
      });
      if (i % 9 == 8) {
        const int which = static_cast<int>(i / 9) % kAdapters;
        engine->unload_adapter(name_of_adapter(which));
        engine->load_adapter(name_of_adapter(which), path(which));
      }
    }
    readers.clear();
    for (uint32_t i = 0; i < kRequests; ++i) {
      SCOPED_TRACE(testing::Message() << "request " << i << ", adapter " << request_of(i).adapter);
      expect_same(told[i], alone[i]);
    }
    for (int i = 0; i < kAdapters; ++i) engine->unload_adapter(name_of_adapter(i));
    EXPECT_TRUE(engine->adapters().empty());
    EXPECT_EQ(engine->stats().used_blocks, 0);
    Request base = request_of(0);
    base.adapter = "a0";
    EXPECT_EQ(test::read(*engine->submit(base), 1).error, "there is no adapter 'a0'");
  }
}

TEST_P(Adapters, AreEvictedAndReadAgain) {
  EngineOptions o = options();
  o.max_adapters = 2;
  const auto engine = Engine::load(o);
  const auto in_memory = [&] {
    std::vector<std::string> names;
    for (const AdapterInfo& a : engine->adapters())
      if (a.in_memory) names.push_back(a.name);
    return names;
  };
  EXPECT_EQ(in_memory(), (std::vector<std::string>{"a6", "a7"}));
  Request r = request_of(5);
  r.adapter = "a2";
  const Answers first = test::read(*engine->submit(r), 1);
  EXPECT_EQ(first.error, "");
  EXPECT_EQ(in_memory(), (std::vector<std::string>{"a2", "a7"}));
  for (const char* other : {"a0", "a1"}) {
    Request another = request_of(6);
    another.adapter = other;
    EXPECT_EQ(test::read(*engine->submit(another), 1).error, "");
  }
  EXPECT_EQ(in_memory(), (std::vector<std::string>{"a0", "a1"}));
  expect_same(test::read(*engine->submit(r), 1), first);
  const AdapterInfo counted = engine->adapters()[2];
  EXPECT_EQ(counted.requests, 2);
  EXPECT_EQ(counted.generated_tokens, 2 * r.max_tokens);
}

TEST_P(Adapters, ThePrefixCacheKeepsThemApart) {
  const auto engine = Engine::load(options());
  Request r = request_of(0);
  TokenPrompt prompt;
  for (int i = 0; i < 60; ++i) prompt.ids.push_back(3 + i);
  r.prompt = prompt;
  r.max_tokens = 2;
  const auto cached = [&](const std::string& adapter, float scale) {
    r.adapter = adapter;
    r.adapter_scale = scale;
    return test::read(*engine->submit(r), 1).choices[0].finish->usage.cached_tokens;
  };
  for (const auto& [adapter, scale] :
       {std::pair("", 1.0f), std::pair("a0", 1.0f), std::pair("a3", 1.0f), std::pair("a3", 0.5f)}) {
    EXPECT_EQ(cached(adapter, scale), 0) << adapter << " " << scale;
    EXPECT_EQ(cached(adapter, scale), 48) << adapter << " " << scale;
  }
  // The same file under another name is the same adapter; another file under the same name is another one.
  engine->load_adapter("again", path(3));
  EXPECT_EQ(cached("again", 1), 48);
  engine->load_adapter("again", path(4), true);
  EXPECT_EQ(cached("again", 1), 0);
}

INSTANTIATE_TEST_SUITE_P(Bases, Adapters, testing::Values("qwen3", "qwen3_moe"),
                         [](const auto& info) { return std::string(info.param); });

class AdapterFaults : public Adapters {};

// One message, and the model and its adapters keep serving.
TEST_P(AdapterFaults, B24_WhatDoesNotFitIsRefused) {
  const auto engine = Engine::load(options());
  const Answers before = test::read(*engine->submit(request_of(1)), 1);
  const auto refuse = [&](std::initializer_list<std::string_view> words, const std::filesystem::path& adapter,
                          const std::string& name = "x") {
    try {
      engine->load_adapter(name, adapter);
      ADD_FAILURE() << adapter;
    } catch (const Error& e) {
      for (const std::string_view word : words)
        EXPECT_NE(std::string_view(e.what()).find(word), std::string_view::npos) << e.what();
      EXPECT_EQ(std::string_view(e.what()).find('\n'), std::string_view::npos) << e.what();
    }
  };
  const auto bad = folder_.path() / "bad";
  const auto write = [&](const std::string& config, const std::string& name, std::vector<int64_t> shape_a,
                         std::vector<int64_t> shape_b, float value) {
    std::filesystem::create_directories(bad);
    std::ofstream(bad / "adapter_config.json") << config;
    SafetensorsWriter writer(bad / "adapter_model.safetensors", {{name + ".lora_A.weight", "F32", shape_a},
                                                                 {name + ".lora_B.weight", "F32", shape_b}});
    const std::vector<float> values(static_cast<size_t>(shape_a[0] * shape_a[1] + shape_b[0] * shape_b[1]),
                                    value);
    writer.append(std::as_bytes(std::span(values)));
    writer.finish();
  };
  const std::string good = R"({"peft_type": "LORA", "r": 2, "lora_alpha": 2})";
  const std::string module = "base_model.model.model.layers.0.self_attn.o_proj";
  const auto model = Checkpoint::open(base_)->model();
  const int64_t in = model.layers[0].attention.out_width(), out = model.hidden;
  write(good, module, {2, in}, {out, 2}, NAN);
  refuse({"not finite", "lora_A"}, bad);
  write(good, module, {2, in + 32}, {out, 2}, 1);
  refuse({"o_proj", "needs [rank,"}, bad);
  write(good, module, {2, in}, {out, 3}, 1);
  refuse({"o_proj", "[2,", "3]"}, bad);
  write(good, "base_model.model.model.layers.99.self_attn.o_proj", {2, in}, {out, 2}, 1);
  refuse({"layers.99"}, bad);
  write(good, "base_model.model.model.layers.0.self_attn.no_such_proj", {2, in}, {out, 2}, 1);
  refuse({"no_such_proj", "does not have"}, bad);
  for (const auto& [config, word] : {std::pair(R"({"peft_type": "LORA", "use_dora": true})", "use_dora"),
                                     std::pair(R"({"peft_type": "IA3"})", "IA3"),
                                     std::pair(R"({"peft_type": "LORA", "bias": "all"})", "bias"),
                                     std::pair(R"({"peft_type": "LORA", "lora_bias": true})", "lora_bias"),
                                     std::pair("{", "adapter_config.json")}) {
    write(config, module, {2, in}, {out, 2}, 1);
    refuse({word}, bad);
  }
  refuse({"no-such-folder"}, folder_.path() / "no-such-folder");
  refuse({"already"}, path(1), "a1");
  refuse({"name"}, path(1), "");
  const Answers after = test::read(*engine->submit(request_of(1)), 1);
  expect_same(after, before);
}

TEST_P(AdapterFaults, B55_WhatDoesNotFitInMemoryIsRefusedWithTheNumbers) {
  EngineOptions o = options();
  o.adapters.resize(1);
  o.adapter_memory = 150 * 1024;
  const auto engine = Engine::load(o);
  try {
    engine->load_adapter("large", path(7));
    ADD_FAILURE();
  } catch (const Error& e) {
    EXPECT_EQ(e.code(), ErrorCode::kNoMemory) << e.what();
  }
  const auto without = Engine::load({.model = base_, .threads = 1, .max_context = 64});
  Request r = request_of(1);
  r.adapter = "a0";
  EXPECT_NE(test::read(*without->submit(r), 1).error.find("without room for adapters"), std::string::npos);
}

INSTANTIATE_TEST_SUITE_P(Bases, AdapterFaults, testing::Values("qwen3"),
                         [](const auto& info) { return std::string(info.param); });

}  // namespace
}  // namespace ferrum
