// Whole models on the emulated GPU: the goldens, and requests in each other's company.
#include <gtest/gtest.h>

#include <dlfcn.h>

#include <cstdlib>
#include <random>
#include <stdexcept>

#include "engine/answers.h"
#include "engine/golden.h"
#include "ferrum/engine.h"
#include "stand_in_driver.h"
#include "support/errors.h"
#include "support/paths.h"

namespace ferrum {
namespace {

using test::Answers;
using test::compute;
using test::Golden;
using test::read_golden;

std::filesystem::path golden_folder(const std::string& name) { return test::data("goldens") / name; }

Request greedy(std::vector<TokenId> prompt, int max_tokens) {
  Request request;
  request.prompt = TokenPrompt{std::move(prompt)};
  request.sampling.temperature = 0;
  request.max_tokens = max_tokens;
  request.end_of_text = Request::EndOfText::kIgnored;
  request.logprobs = 0;
  return request;
}

class CudaGoldens : public ::testing::TestWithParam<const char*> {};
INSTANTIATE_TEST_SUITE_P(HuggingFace, CudaGoldens, ::testing::Values("llama", "qwen3", "qwen3_moe"),
                         [](const auto& info) { return std::string(info.param); });

TEST_P(CudaGoldens, LogitsAgreeAndDoNotDependOnHowThePromptIsCut) {
  const Golden golden = read_golden(golden_folder(GetParam()));
  const std::vector<float> whole =
      compute(golden_folder(GetParam()), golden, {.backend = "cuda", .activations = "f32"});
  EXPECT_LE(test::relative_error(whole, golden.logits), 1e-3);
  EXPECT_EQ(compute(golden_folder(GetParam()), golden, {.backend = "cuda", .activations = "f32", .chunk = 7}),
            whole);
}

TEST_P(CudaGoldens, AnswersAreThoseOfTransformers) {
  const Golden golden = read_golden(golden_folder(GetParam()));
  const auto file = SafetensorsFile::open(golden_folder(GetParam()) / "golden.safetensors");
  const std::vector<int64_t> expected = file->integers("greedy");
  const auto engine = Engine::load({.model = golden_folder(GetParam()),
                                    .backend = "cuda",
                                    .threads = 1,
                                    .max_context = 64,
                                    .activations = "f32",
                                    .kv_dtype = "f32"});
  const size_t count = expected.size() / 2;
  for (size_t s = 0; s < 2; ++s) {
    const auto first = golden.ids.begin() + static_cast<std::ptrdiff_t>(s) * golden.length;
    const Answers answers =
        test::read(*engine->submit(greedy({first, first + golden.length}, static_cast<int>(count))), 1);
    ASSERT_EQ(answers.error, "");
    EXPECT_EQ(answers.choices[0].tokens,
              std::vector<TokenId>(expected.begin() + static_cast<std::ptrdiff_t>(s * count),
                                   expected.begin() + static_cast<std::ptrdiff_t>((s + 1) * count)));
  }
}

// What other families of models have: windows, caps, sinks, latent attention, experts of every kind,
// recurrent layers.
class CudaArchitectures : public ::testing::TestWithParam<const char*> {};
INSTANTIATE_TEST_SUITE_P(
    HuggingFace, CudaArchitectures,
    ::testing::Values("mixtral", "olmoe", "olmoe_clip", "olmo2", "olmo3", "phi3_longrope_long", "phi3_window",
                      "gemma2", "gemma3", "gpt_oss", "gpt_oss_mxfp4", "granite", "granitemoe",
                      "granitemoeshared", "smollm3", "ministral3", "mistral3_mistral4", "seed_oss",
                      "ernie4_5_moe", "hunyuan_dense", "hunyuan_moe", "glm4", "glm4_moe", "glm4_moe_lite",
                      "minimax_m2", "cohere2", "exaone4", "exaone_moe", "qwen2_moe", "starcoder2", "mellum",
                      "afmoe", "laguna", "arcee", "apertus", "hy_v3", "mimo_v2", "muse_glimmer", "qwen3_next",
                      "qwen3_5", "qwen3_5_moe", "nemotron_h", "nemotron_h_moe", "granitemoehybrid", "bamba",
                      "falcon_h1", "gemma4_dense", "gemma4_moe", "gemma4_e2b", "lfm2", "lfm2_moe", "lfm3",
                      "kimi_linear", "deepseek_v2", "deepseek_v2_lite", "deepseek_v3"),
    [](const auto& info) { return std::string(info.param); });

TEST_P(CudaArchitectures, LogitsAgree) {
  const auto folder = test::shared("goldens2") / GetParam();
  FERRUM_NEEDS_SHARED(folder);
  const Golden golden = read_golden(folder);
  EXPECT_LE(
      test::relative_error(compute(folder, golden, {.backend = "cuda", .activations = "f32"}), golden.logits),
      1e-3);
}

// Chunks of positions, weights of what experts read, experts chosen one by one, learned positions, limits of
// an activation.
class CudaRelatives : public ::testing::TestWithParam<const char*> {};
INSTANTIATE_TEST_SUITE_P(HuggingFace, CudaRelatives,
                         ::testing::Values("llama4", "llama4_text", "llama4_lists", "phimoe", "phimoe_short",
                                           "gpt2", "gpt_bigcode", "step3p5"),
                         [](const auto& info) { return std::string(info.param); });

TEST_P(CudaRelatives, LogitsAgreeAndDoNotDependOnHowThePromptIsCut) {
  const auto folder = test::data("goldens/relatives") / GetParam();
  const Golden golden = read_golden(folder);
  test::Setup setup = {.backend = "cuda", .activations = "f32"};
  const std::vector<float> whole = compute(folder, golden, setup);
  EXPECT_LE(test::relative_error(whole, golden.logits), 1e-3);
  setup.chunk = 7;
  EXPECT_EQ(compute(folder, golden, setup), whole);
}

Request random_request(std::mt19937& random, int vocab) {
  std::vector<TokenId> prompt(1 + random() % 24);
  for (TokenId& token : prompt) token = static_cast<TokenId>(random() % static_cast<unsigned>(vocab));
  Request request = greedy(std::move(prompt), 1 + static_cast<int>(random() % 10));
  request.sampling.seed = random();
  request.logprobs = static_cast<int>(random() % 3);
  switch (random() % 4) {
    case 0:
      break;
    case 1:
      request.sampling.temperature = 0.8f;
      request.sampling.top_p = 0.9f;
      break;
    case 2:
      request.sampling.temperature = 1.2f;
      request.sampling.repetition_penalty = 1.3f;
      break;
    default:
      request.sampling.mirostat = 2;
  }
  return request;
}

// Each request gets, bit for bit, what it gets alone: among 16 others, in chunks of 9 tokens, with memory for
// few of them.
TEST(CudaEngine, SixteenRequestsGetWhatEachGetsAlone) {
  const auto options = [](int sequences) {
    EngineOptions o = {.model = golden_folder("qwen3_moe"),
                       .backend = "cuda",
                       .threads = 1,
                       .max_context = 64,
                       .max_sequences = sequences,
                       .prefix_cache = false};
    if (sequences > 1) o.batch_tokens = 9;
    return o;
  };
  std::mt19937 random(5);
  std::vector<Request> requests;
  for (int i = 0; i < 16; ++i) requests.push_back(random_request(random, 384));
  std::vector<Answers> alone;
  {
    const auto engine = Engine::load(options(1));
    for (const Request& request : requests) alone.push_back(test::read(*engine->submit(request), 1));
  }
  const auto engine = Engine::load(options(16));
  std::vector<std::unique_ptr<EventStream>> streams;
  for (const Request& request : requests) streams.push_back(engine->submit(request));
  for (size_t i = 0; i < requests.size(); ++i) {
    const Answers together = test::read(*streams[i], 1);
    ASSERT_EQ(alone[i].error, "");
    ASSERT_EQ(together.error, "");
    EXPECT_EQ(together.choices[0].tokens, alone[i].choices[0].tokens) << i;
    EXPECT_EQ(together.choices[0].logprobs, alone[i].choices[0].logprobs) << i;
  }
}

// What the library's driver has counted.
const gpu::emulated::StandInCounts& counts() {
  void* const library = dlopen(FERRUM_EMULATED_LIBRARY, RTLD_NOW);
  void* const found = library == nullptr ? nullptr : dlsym(library, "ferrum_stand_in_counts");
  if (found == nullptr) throw std::runtime_error("the emulated library has no counts");
  return *reinterpret_cast<const gpu::emulated::StandInCounts* (*)()>(found)();
}

// All that a step and its draws need of the host is copied at once, whether its launches are replayed or not.
TEST(CudaEngine, AStepHasOneUpload) {
  const std::shared_ptr<const Checkpoint> checkpoint = Checkpoint::open(golden_folder("qwen3_moe"));
  Runner runner(make_backend({.name = "cuda", .threads = 1}), checkpoint,
                {.max_tokens = 8, .max_sequences = 2, .max_outputs = 2, .max_context = 64, .kv_tokens = 128});
  const std::vector<BlockId> blocks = first_blocks(runner.blocks());
  const std::vector<TokenId> tokens = {11, 12, 13};
  DrawList draws(runner.vocab());
  const auto step = [&](int position, size_t count) {
    std::vector<Chunk> chunks;
    draws.clear();
    for (int s = 0; s < 2; ++s) {
      chunks.push_back({std::span(tokens).first(count), position,
                        std::span(blocks).subspan(static_cast<size_t>(s) * 4, 4), Outputs::kLast});
      draws.begin_group();
      draws.add(s).seed = 3;
      draws.edit(7).add = 2;
      std::ranges::fill(draws.add_mask(), ~uint32_t{0});
    }
    const gpu::emulated::StandInCounts before = counts();
    runner.launch(chunks, draws);
    EXPECT_EQ(runner.collect().drawn.size(), 2U);
    EXPECT_EQ(counts().uploads - before.uploads, 1) << "at position " << position;
    EXPECT_EQ(counts().unpinned_uploads, before.unpinned_uploads);
    return counts().replays - before.replays;
  };
  EXPECT_EQ(step(0, 3), 0);
  EXPECT_EQ(step(3, 1), 0);
  EXPECT_EQ(step(4, 1), 1);
  EXPECT_EQ(step(5, 1), 1);
}

// A checkpoint that is described otherwise.
class DescribedAs final : public Checkpoint {
 public:
  DescribedAs(const Checkpoint& inner, const ModelDescription& model) : inner_(inner), model_(model) {}

  const ModelDescription& model() const override { return model_; }
  Naming naming() const override { return inner_.naming(); }
  const HostTensor* find(const TensorKey& key) const override { return inner_.find(key); }
  const std::vector<HostTensor>& tensors() const override { return inner_.tensors(); }
  std::string format() const override { return inner_.format(); }
  Format main_format() const override { return inner_.main_format(); }
  uint64_t bytes() const override { return inner_.bytes(); }
  bool intact() const override { return inner_.intact(); }
  void release(const HostTensor& tensor) const override { inner_.release(tensor); }
  std::unique_ptr<const Tokenizer> load_tokenizer() const override { return inner_.load_tokenizer(); }
  std::optional<std::string> chat_template() const override { return inner_.chat_template(); }
  const GenerationDefaults& generation() const override { return inner_.generation(); }

 private:
  const Checkpoint& inner_;
  const ModelDescription& model_;
};

TEST(CudaEngine, B59_LayersThatItCannotComputeAreRefusedAtLoad) {
  const std::unique_ptr<const Checkpoint> checkpoint = Checkpoint::open(golden_folder("llama"));
  const auto backend = make_split_backend({.name = "cuda", .threads = 1});
  const auto expect_refused = [&](const std::string& why, const auto& change) {
    ModelDescription model = checkpoint->model();
    change(model, model.layers[1]);
    test::expect_error(ErrorCode::kUnsupported, {model.name + ": layer 1: " + why},
                       [&] { load_model(*backend, DescribedAs(*checkpoint, model), {}); });
  };
  expect_refused("heads of 520 values are wider than the 512 that the CUDA backend takes",
                 [](ModelDescription&, LayerDescription& layer) {
                   layer.attention.head_dim = layer.attention.value_dim = 520;
                 });
  expect_refused("heads of 3000 and 512 values do not fit the 101376 bytes of shared memory",
                 [](ModelDescription&, LayerDescription& layer) {
                   layer.attention.head_dim = 3000;
                   layer.attention.value_dim = 512;
                 });
  expect_refused("a convolution over 9 inputs is wider than the 8 that the CUDA backend takes",
                 [](ModelDescription& model, LayerDescription& layer) {
                   layer.mixer = Mixer::kConvolution;
                   model.convolution.kernel = 9;
                 });
  expect_refused("a convolution over 12 inputs is wider than",
                 [](ModelDescription& model, LayerDescription& layer) {
                   layer.mixer = Mixer::kDelta;
                   model.delta.kernel = 12;
                 });
  expect_refused("a state of 257 rows is larger than the 256 that the CUDA backend takes",
                 [](ModelDescription& model, LayerDescription& layer) {
                   layer.mixer = Mixer::kDelta;
                   model.delta.key_dim = 257;
                 });
  expect_refused("a state of 300 rows is larger than", [](ModelDescription& model, LayerDescription& layer) {
    layer.mixer = Mixer::kStateSpace;
    model.state_space.state_dim = 300;
  });
}

// Half of the weights on the CPU, whose experts come first.
std::vector<float> split_logits(const Golden& golden, int chunk) {
  const std::shared_ptr<const Checkpoint> checkpoint = Checkpoint::open(golden_folder("qwen3_moe"));
  auto backend = make_split_backend({.name = "cuda", .threads = 1, .activations = "f32"});
  const std::vector<WeightSource> weights = weights_of(*checkpoint);
  backend->place(Placement(weights, Placement(weights, 0).host_bytes() / 2));
  EXPECT_GT(backend->placement().count(), 0);
  EXPECT_GT(backend->placement().device_bytes(), 0u);
  const int rows = chunk * golden.sequences;
  Runner runner(std::move(backend), checkpoint,
                {.max_tokens = rows,
                 .max_sequences = golden.sequences,
                 .max_outputs = rows,
                 .max_context = golden.length,
                 .kv_tokens = golden.length * golden.sequences,
                 .kv_dtype = DType::kF32});
  const std::vector<BlockId> blocks = first_blocks(runner.blocks());
  const auto each = static_cast<size_t>(runner.blocks() / golden.sequences);
  const auto length = static_cast<size_t>(golden.length), vocab = static_cast<size_t>(golden.vocab);
  std::vector<float> logits(golden.logits.size());
  for (int begin = 0; begin < golden.length; begin += chunk) {
    const auto count = static_cast<size_t>(std::min(chunk, golden.length - begin));
    std::vector<Chunk> chunks;
    for (size_t s = 0; s < static_cast<size_t>(golden.sequences); ++s)
      chunks.push_back({std::span(golden.ids).subspan(s * length + static_cast<size_t>(begin), count), begin,
                        std::span(blocks).subspan(s * each, each), Outputs::kAll});
    const std::span<const float> result = runner.step(chunks);
    for (size_t s = 0; s < chunks.size(); ++s)
      std::ranges::copy(
          result.subspan(s * count * vocab, count * vocab),
          logits.begin() + static_cast<std::ptrdiff_t>((s * length + static_cast<size_t>(begin)) * vocab));
  }
  return logits;
}

TEST(CudaSplit, LogitsOfAModelThatIsHalfOnTheCpu) {
  const Golden golden = read_golden(golden_folder("qwen3_moe"));
  const std::vector<float> whole = split_logits(golden, golden.length);
  EXPECT_LE(test::relative_error(whole, golden.logits), 1e-3);
  EXPECT_EQ(split_logits(golden, 7), whole);
}

TEST(CudaSplit, AnswersOfAModelThatIsHalfOnTheCpu) {
  const Golden golden = read_golden(golden_folder("qwen3_moe"));
  const auto file = SafetensorsFile::open(golden_folder("qwen3_moe") / "golden.safetensors");
  const std::vector<int64_t> expected = file->integers("greedy");
  EngineOptions options = {.model = golden_folder("qwen3_moe"),
                           .backend = "cuda",
                           .threads = 1,
                           .max_context = 64,
                           .max_sequences = 2,
                           .kv_tokens = 128,
                           .batch_tokens = 9,
                           .activations = "f32",
                           .kv_dtype = "f32"};
  const MemoryPlan whole = Engine::load(options)->memory();
  options.device_memory = whole.total() - whole.weights / 2;
  const auto engine = Engine::load(options);
  EXPECT_GE(engine->memory().on_host, whole.weights / 3);
  EXPECT_LE(engine->memory().total(), options.device_memory);
  std::vector<std::unique_ptr<EventStream>> streams;  // both together
  const size_t count = expected.size() / 2;
  for (size_t s = 0; s < 2; ++s) {
    const auto first = golden.ids.begin() + static_cast<std::ptrdiff_t>(s) * golden.length;
    streams.push_back(engine->submit(greedy({first, first + golden.length}, static_cast<int>(count))));
  }
  for (size_t s = 0; s < 2; ++s) {
    const Answers answers = test::read(*streams[s], 1);
    ASSERT_EQ(answers.error, "");
    EXPECT_EQ(answers.choices[0].tokens,
              std::vector<TokenId>(expected.begin() + static_cast<std::ptrdiff_t>(s * count),
                                   expected.begin() + static_cast<std::ptrdiff_t>((s + 1) * count)));
  }
}

TEST(CudaSplit, NeedsAGpu) {
  test::expect_error(ErrorCode::kBadArgument, {"--device-memory is that of a GPU", "--backend cuda"},
                     [] { Engine::load({.model = golden_folder("llama"), .device_memory = 1 << 20}); });
}

TEST(CudaEngine, SaysWhyThereIsNone) {
  test::expect_error(ErrorCode::kBadArgument, {"there is no device 3: the GPUs here are 0 to 0"},
                     [] { Engine::load({.model = golden_folder("llama"), .backend = "cuda:3"}); });
}

}  // namespace
}  // namespace ferrum

int main(int argc, char** argv) {
  setenv("FERRUM_CUDA_LIBRARY", FERRUM_EMULATED_LIBRARY, 1);
  testing::InitGoogleTest(&argc, argv);
  return RUN_ALL_TESTS();
}
