// What a model takes is what its plan said, byte for byte: buffers, and the memory of kernels.
#include <gtest/gtest.h>

#include <algorithm>
#include <string>

#include "backend/observers/observing_backend.h"
#include "base/error.h"
#include "checkpoint/tensor_plan.h"
#include "engine/backend_factory.h"
#include "engine/memory_plan.h"
#include "engine/random_adapter.h"
#include "engine/text_encoder.h"
#include "engine/text_inputs.h"
#include "models/adapter_tables.h"
#include "support/files.h"
#include "support/paths.h"

namespace ferrum {
namespace {

// Adds up what is allocated.
class CountingBackend final : public ObservingBackend {
 public:
  using ObservingBackend::ObservingBackend;
  std::unique_ptr<Buffer> allocate(size_t bytes) override {
    bytes_ += bytes;
    return ObservingBackend::allocate(bytes);
  }
  uint64_t bytes() const { return bytes_; }

 protected:
  void observe(const OperationCall&, FunctionRef<void()> operation) override { operation(); }

 private:
  uint64_t bytes_ = 0;
};

// Norms and the like, which the plan counts with the weights.
uint64_t bytes_of_vectors(const Checkpoint& checkpoint) {
  uint64_t bytes = 0;
  for (const PlannedTensor& planned : tensors_of(checkpoint.model()))
    if (planned.use == TensorUse::kVector) bytes += static_cast<uint64_t>(planned.elements()) * sizeof(float);
  return bytes;
}

void expect_truth(const std::filesystem::path& path, const RunnerOptions& options) {
  const std::shared_ptr<const Checkpoint> checkpoint = Checkpoint::open(path);
  const std::shared_ptr<Backend> cpu = make_backend({.threads = 2});
  const auto counting = std::make_shared<CountingBackend>(*cpu);
  const MemoryPlan plan = memory_plan(*checkpoint, options, *counting);
  const uint64_t kernels = cpu->kernel_memory_for(weights_of(*checkpoint));
  const Runner runner(counting, checkpoint, options);

  EXPECT_EQ(cpu->kernel_memory(), kernels);
  EXPECT_GT(kernels, 0u);
  const uint64_t taken = counting->bytes() + kernels;
  const uint64_t planned = plan.kv + plan.activations;
  EXPECT_GE(taken, planned);
  EXPECT_LE(taken, planned + bytes_of_vectors(*checkpoint));
}

// The same of an encoder of texts.
void expect_truth_of_texts(const std::filesystem::path& path) {
  const std::shared_ptr<const Checkpoint> checkpoint = Checkpoint::open(path);
  const std::shared_ptr<Backend> cpu = make_backend({.threads = 2});
  const auto counting = std::make_shared<CountingBackend>(*cpu);
  const TextEncoderOptions options = {.longest_text = std::min(60, longest_text(checkpoint->model())),
                                      .step_tokens = 100,
                                      .gives_states = true};
  const TextEncoder encoder(counting, checkpoint, options);
  const uint64_t planned = text_encoder_bytes(kv_in_lanes, checkpoint->model(), options);
  EXPECT_GE(counting->bytes(), planned);
  EXPECT_LE(counting->bytes(), planned + bytes_of_vectors(*checkpoint));
}

RunnerOptions some_options() {
  return {.max_tokens = 40,
          .max_sequences = 3,
          .max_outputs = 5,
          .max_context = 200,
          .kv_tokens = 400,
          .max_vectors = 7,
          .behind_windows = RunnerOptions::BehindWindows::kGivenBack};
}

// The scratch of adapters, byte for byte; and their matrices, which an arena lays out.
TEST(MemoryTruth, Adapters) {
  const test::TemporaryFolder folder;
  for (const char* name : {"llama", "qwen3_moe"}) {
    const auto path = test::data("goldens") / name;
    RunnerOptions options = some_options();
    options.adapters = 2;
    expect_truth(path, options);

    const std::shared_ptr<const Checkpoint> checkpoint = Checkpoint::open(path);
    const auto adapter = folder.path() / name;
    test::write_adapter(adapter, *checkpoint, {.rank = 16});
    for (const char* activations : {"f32", "int8"}) {
      const std::shared_ptr<Backend> cpu = make_backend({.threads = 1, .activations = activations});
      Runner runner(cpu, checkpoint, options);
      const uint64_t taken = runner.model().adapters()->prepare(read_adapter(adapter, *checkpoint)).bytes();
      EngineOptions engine = {.adapters = {{"a", adapter}}};
      const uint64_t planned = planned_adapters(engine, *cpu);
      EXPECT_GE(taken, planned);
      EXPECT_LE(taken, planned + planned / 10);
      engine.adapters.push_back({"b", adapter});
      EXPECT_EQ(planned_adapters(engine, *cpu), 2 * planned);
      engine.max_adapters = 1;
      EXPECT_EQ(planned_adapters(engine, *cpu), planned) << "one is in memory at once";
      engine.adapter_memory = 1000;
      EXPECT_EQ(planned_adapters(engine, *cpu), 1000);
    }
  }
}

TEST(MemoryTruth, DemonstrationModels) {
  for (const char* name : {"demo-dense.gguf", "demo-moe.gguf"}) {
    const auto path = std::filesystem::path(FERRUM_SOURCE_DIR) / "models" / name;
    if (std::filesystem::exists(path)) expect_truth(path, some_options());
  }
}

TEST(MemoryTruth, EveryGolden) {
  const auto goldens = test::shared("goldens2");
  FERRUM_NEEDS_SHARED(goldens);
  int models = 0;
  for (const auto& entry : std::filesystem::directory_iterator(goldens)) {
    if (!std::filesystem::exists(entry.path() / "config.json")) continue;
    SCOPED_TRACE(entry.path().filename());
    bool of_texts = false;
    try {
      of_texts = !Checkpoint::open(entry.path())->model().text_head.pooling.empty();
    } catch (const Error&) {
      continue;  // an architecture that is not supported
    }
    of_texts ? expect_truth_of_texts(entry.path()) : expect_truth(entry.path(), some_options());
    ++models;
  }
  EXPECT_GE(models, 41);
}

}  // namespace
}  // namespace ferrum
