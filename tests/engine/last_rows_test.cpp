// Behind the last layer that keeps keys and values, a prompt computes only the rows that are read out.
#include <gtest/gtest.h>

#include <vector>

#include "engine/golden.h"
#include "support/paths.h"

namespace ferrum {
namespace {

class AttendedRows final : public ObservingBackend {
 public:
  explicit AttendedRows(std::unique_ptr<Backend> inner)
      : ObservingBackend(*inner), owned_(std::move(inner)) {}

  std::vector<int> take() { return std::exchange(rows_, {}); }

 private:
  void observe(const OperationCall& call, FunctionRef<void()> operation) override {
    if (call.name == "attend") rows_.push_back(call.out.rows);
    operation();
  }

  std::unique_ptr<Backend> owned_;
  std::vector<int> rows_;  // of each layer's attention
};

// Of 8 layers the last 4 read the keys and values of others.
TEST(LastRows, LayersThatReadAnothersKeysComputeWhatIsReadOut) {
  const auto folder = test::shared("goldens2/gemma4_e2b");
  FERRUM_NEEDS_SHARED(folder);
  const test::Golden golden = test::read_golden(folder);
  const int length = std::min(golden.length, 60);
  const auto backend =
      std::make_shared<AttendedRows>(make_backend({.name = "cpu", .threads = 2, .activations = "f32"}));
  Runner runner(backend, Checkpoint::open(folder),
                {.max_tokens = 2 * length,
                 .max_sequences = 2,
                 .max_outputs = 2 * length,
                 .max_context = length,
                 .kv_tokens = 2 * length,
                 .kv_dtype = DType::kF32});
  const int each = runner.blocks() / 2;
  const std::vector<BlockId> blocks = first_blocks(runner.blocks());
  const auto chunk = [&](int sequence, int begin, int end, Outputs outputs) {
    return Chunk{
        .tokens = std::span(golden.ids)
                      .subspan(static_cast<size_t>(sequence * golden.length + begin),
                               static_cast<size_t>(end - begin)),
        .position = begin,
        .blocks = std::span(blocks).subspan(static_cast<size_t>(sequence * each), static_cast<size_t>(each)),
        .outputs = outputs};
  };
  const auto run = [&](const std::vector<Chunk>& chunks) {
    const std::span<const float> logits = runner.step(chunks);
    return std::vector<float>(logits.begin(), logits.end());
  };

  const int half = length / 2;
  const std::vector<float> all =
      run({chunk(0, 0, length, Outputs::kAll), chunk(1, 0, length, Outputs::kAll)});
  EXPECT_EQ(backend->take(), std::vector<int>(8, 2 * length));
  const auto row = [&](int sequence, int position) {
    const auto first = all.begin() + (static_cast<ptrdiff_t>(sequence) * length + position) * golden.vocab;
    return std::vector<float>(first, first + golden.vocab);
  };

  // One prompt goes on, another ends.
  EXPECT_EQ(run({chunk(0, 0, half, Outputs::kNone), chunk(1, 0, length, Outputs::kLast)}),
            row(1, length - 1));
  const int both = half + length;
  EXPECT_EQ(backend->take(), (std::vector<int>{both, both, both, both, 1, 1, 1, 1}));

  // Nothing is read out: the last layer that keeps keys and values does not attend.
  run({chunk(0, half, length - 2, Outputs::kNone)});
  const int rest = length - 2 - half;
  EXPECT_EQ(backend->take(), (std::vector<int>{rest, rest, rest}));

  std::vector<float> last = row(0, length - 2);
  const std::vector<float> next = row(0, length - 1);
  last.insert(last.end(), next.begin(), next.end());
  EXPECT_EQ(run({chunk(0, length - 2, length, Outputs::kAll)}), last);
}

}  // namespace
}  // namespace ferrum
