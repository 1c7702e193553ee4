// The list of a step's draws, and its way to the backend.
#include "engine/draw_stage.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

#include "backend/cpu/cpu_backend.h"
#include "backend/observers/observing_backend.h"
#include "base/random.h"

namespace ferrum {
namespace {

constexpr int kVocab = 50;

TEST(DrawList, ATokenHasOneEditForEachDraw) {
  DrawList list(kVocab, 40);
  for (int round = 0; round < 2; ++round) {
    list.clear();
    list.begin_group();
    list.add(3);
    list.edit(7).add = 1;
    list.edit(7).dry = 2;
    list.edit(45).add = 5;  // the rows are narrower
    list.add_alike().seed = 9;
    list.begin_group();
    list.add(4);
    list.edit(7).add = 3;
    ASSERT_EQ(list.size(), 3);
    ASSERT_EQ(list.edits().size(), 2u);
    EXPECT_EQ(list.edits()[0].add, 1);
    EXPECT_EQ(list.edits()[0].dry, 2);
    EXPECT_EQ(list.edits()[1].add, 3);
    EXPECT_EQ(list.draws()[1].row, 3);
    EXPECT_EQ(list.draws()[1].first_edit, 0);
    EXPECT_EQ(list.draws()[1].edits, 1);
    EXPECT_EQ(list.draws()[2].first_edit, 1);
    EXPECT_EQ(std::vector(list.groups().begin(), list.groups().end()), (std::vector<int32_t>{0, 2}));
  }
}

class CountingCalls final : public ObservingBackend {
 public:
  using ObservingBackend::ObservingBackend;
  int calls = 0;

 protected:
  void observe(const OperationCall&, FunctionRef<void()> operation) override {
    ++calls;
    operation();
  }
};

// A stage with an upload of its own.
class Stage {
 public:
  Stage(Backend& backend, const DrawStage::Limits& limits)
      : arena_(backend),
        upload_(backend, arena_, DrawStage::upload_bytes(limits)),
        stage_(backend, upload_, limits) {}

  DrawnTokens draw(Tensor logits, const DrawList& list) {
    upload_.begin();
    stage_.prepare(list);
    upload_.send();
    stage_.issue(logits, list);
    return stage_.collect();
  }

 private:
  BackendArena arena_;
  StepUpload upload_;
  DrawStage stage_;
};

// More edits than there is room for go in several calls, which may part draws that stand on each other.
TEST(DrawStage, PartsDrawTheSame) {
  constexpr int kRows = 12, kChain = 4;
  std::vector<float> logits(kRows * kVocab);
  for (size_t i = 0; i < logits.size(); ++i) logits[i] = static_cast<float>(5 * random_uniform(3, i));
  CpuBackend cpu({.threads = 2});
  std::vector<std::vector<int32_t>> tokens;
  std::vector<int> calls;
  std::vector<int32_t> expected(kRows, 0);
  for (const int room : {20 * kVocab, kVocab, kVocab, 20 * kVocab}) {
    CountingCalls backend(cpu);
    Stage stage(backend, {.draws = kRows, .vocab = room});
    DrawList list(kVocab);
    for (int i = 0; i < kRows; ++i) {
      if (i % kChain == 0) list.begin_group();
      Draw& draw = list.add(i);
      draw.seed = 5;
      draw.position = static_cast<uint64_t>(i);
      draw.top = 2;
      draw.chain = {.mirostat = 2, .mirostat_tau = 3, .mirostat_eta = 0.2f};
      draw.bound = 6;
      if (i % kChain > 0) {
        draw.after = i - 1;
        draw.expected = expected[static_cast<size_t>(i - 1)];
      }
      for (int e = 0; e < 30; ++e) list.edit((i + e) % kVocab).occurrence = 0.1f * static_cast<float>(e);
    }
    const DrawnTokens drawn = stage.draw({logits.data(), DType::kF32, kRows, kVocab, kVocab}, list);
    calls.push_back(backend.calls);
    ASSERT_EQ(drawn.drawn.size(), static_cast<size_t>(kRows));
    std::vector<int32_t>& all = tokens.emplace_back();
    for (int i = 0; i < kRows; ++i) {
      const Drawn& one = drawn.drawn[static_cast<size_t>(i)];
      all.push_back(one.state == Drawn::State::kDrawn ? one.token : -1);
      if (one.state == Drawn::State::kDrawn) expected[static_cast<size_t>(i)] = one.token;
    }
  }
  // Each time one more draw of a chain finds what it stands on.
  const auto drawn_in = [&](size_t run) {
    return std::ranges::count_if(tokens[run], [](int t) { return t >= 0; });
  };
  EXPECT_EQ(drawn_in(0), 3);
  EXPECT_EQ(drawn_in(1), 6);
  EXPECT_EQ(drawn_in(3), kRows);
  for (size_t run = 1; run < tokens.size(); ++run)
    for (size_t i = 0; i < kRows; ++i)
      EXPECT_TRUE(tokens[run - 1][i] < 0 || tokens[run][i] == tokens[run - 1][i]) << run << ", " << i;
  EXPECT_EQ(calls, (std::vector<int>{1, kRows, kRows, 1}));
}

// Masks too go in as many calls as there is room for. Draws that are alike share one, others have none.
TEST(DrawStage, MasksKeepTokensOut) {
  constexpr int kDraws = 100;
  std::vector<float> logits(kVocab, 1);
  CpuBackend cpu({.threads = 1});
  CountingCalls backend(cpu);
  Stage stage(backend, {.draws = kDraws, .vocab = 2 * kVocab});
  DrawList list(kVocab);
  for (int round = 0; round < 2; ++round) {
    list.clear();
    for (int i = 0; i < kDraws; ++i) {
      if (i % 5 == 1) {
        list.add_alike();
        continue;
      }
      list.begin_group();
      list.add(0);
      if (i % 5 == 2) continue;
      const size_t allowed = static_cast<size_t>(i) % kVocab;
      list.add_mask()[allowed / 32] = uint32_t{1} << (allowed % 32);
      if (i % 5 == 3) list.take_back_mask();
    }
    backend.calls = 0;
    const DrawnTokens drawn = stage.draw({logits.data(), DType::kF32, 1, kVocab, kVocab}, list);
    EXPECT_EQ(backend.calls, 2);
    for (int i = 0; i < kDraws; ++i) {
      const Drawn& one = drawn.drawn[static_cast<size_t>(i)];
      ASSERT_EQ(one.state, Drawn::State::kDrawn);
      if (i % 5 != 2 && i % 5 != 3) {
        EXPECT_EQ(one.token, (i - (i % 5 == 1)) % kVocab);
      }
    }
  }
}

}  // namespace
}  // namespace ferrum
