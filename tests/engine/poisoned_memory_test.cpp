// Answers from memory that holds no numbers until the step at hand writes them, where otherwise zeros or
// another request's values lie.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <thread>

#include "backend/cpu/cpu_backend.h"
#include "backend/observers/observing_backend.h"
#include "engine/answers.h"
#include "engine/local/local_engine.h"
#include "engine/runner.h"

namespace ferrum {
namespace {

// Values that are none: NaN in every floating-point format.
void poison(const Tensor& t) {
  for (int r = 0; r < t.rows; ++r)
    std::memset(t.address(r, 0), 0xff, static_cast<size_t>(t.cols) * size_of(t.dtype));
}

class PoisoningBackend final : public ObservingBackend {
 public:
  using ObservingBackend::ObservingBackend;

  std::unique_ptr<Buffer> allocate(size_t bytes) override {
    std::unique_ptr<Buffer> buffer = inner().allocate(bytes);
    std::memset(buffer->data(), 0xff, bytes);
    return buffer;
  }

 private:
  void observe(const OperationCall& call, FunctionRef<void()> operation) override {
    constexpr std::string_view kInto[] = {"embed", "linear", "expand", "gather_rows", "attend", "experts"};
    if (std::ranges::find(kInto, call.name) != std::end(kInto) && call.out.data != call.in.data)
      poison(call.out);
    if (call.name == "rope_and_store") poison_new_blocks(*call.kv, *call.step);
    operation();
  }

  // A block whose first slot is written now has belonged to another sequence, or to none.
  static void poison_new_blocks(const KvLayer& kv, const Step& step) {
    for (int t = 0; t < step.shape.tokens; ++t) {
      const int32_t slot = *step.kv[static_cast<size_t>(kv.group)].slots.at<int32_t>(t);
      if (slot % kv.block_tokens != 0) continue;
      for (const Tensor& part : kv.block(slot / kv.block_tokens))
        if (!part.empty()) poison(part);
    }
  }
};

struct Memory {
  const char* model;
  DType kv_dtype;
};

class PoisonedMemory : public testing::TestWithParam<Memory> {
 protected:
  // Prompts of several lengths that share beginnings, in chunks, in a cache that is too small for all.
  std::vector<test::Answers> answers(const std::shared_ptr<Backend>& backend) const {
    const std::shared_ptr<const Checkpoint> checkpoint =
        Checkpoint::open(test::demonstration(GetParam().model));
    Runner runner(backend, checkpoint,
                  {.max_tokens = 24,
                   .max_sequences = 4,
                   .max_outputs = 8,
                   .max_context = 128,
                   .kv_tokens = 256,
                   .kv_dtype = GetParam().kv_dtype});
    LocalEngine engine({checkpoint, runner, runner}, {.max_sequences = 4, .batch_tokens = 24});
    std::vector<std::unique_ptr<EventStream>> streams;
    for (int i = 0; i < 10; ++i) {
      Request request;
      std::vector<int32_t> prompt;
      for (int t = 0; t < 5 + i * 9; ++t) prompt.push_back(260 + (t < 40 ? t * 7 : t * 7 + i) % 1200);
      request.prompt = TokenPrompt{std::move(prompt)};
      request.sampling.seed = static_cast<uint64_t>(i);
      request.max_tokens = 12 + i;
      request.end_of_text = Request::EndOfText::kIgnored;
      request.logprobs = 2;
      streams.push_back(engine.submit(std::move(request)));
    }
    std::vector<test::Answers> all;
    for (const auto& stream : streams) all.push_back(test::read(*stream, 1));
    return all;
  }
};

TEST_P(PoisonedMemory, N14_AnswersAreMadeOfTheirOwnNumbersAlone) {
  auto inner = std::make_shared<CpuBackend>(CpuOptions{.threads = 2});
  const std::vector<test::Answers> expected = answers(inner);
  const std::vector<test::Answers> actual = answers(std::make_shared<PoisoningBackend>(*inner));
  for (size_t i = 0; i < expected.size(); ++i) {
    EXPECT_EQ(actual[i].error, "");
    EXPECT_EQ(actual[i].choices[0].tokens, expected[i].choices[0].tokens) << i;
    EXPECT_EQ(actual[i].choices[0].logprobs, expected[i].choices[0].logprobs) << i;
    EXPECT_GE(actual[i].choices[0].tokens.size(), 12u);
  }
}

INSTANTIATE_TEST_SUITE_P(Demonstration, PoisonedMemory,
                         testing::Values(Memory{"demo-dense", DType::kF16}, Memory{"demo-dense", DType::kI8},
                                         Memory{"demo-moe", DType::kBF16}, Memory{"demo-moe", DType::kF32}),
                         [](const auto& info) {
                           std::string name = info.param.model + std::string("_") +
                                              std::to_string(static_cast<int>(info.param.kv_dtype));
                           std::ranges::replace(name, '-', '_');
                           return name;
                         });

}  // namespace
}  // namespace ferrum
