#include "engine/step_builder.h"

#include <gtest/gtest.h>

#include "backend/reference/reference_backend.h"

namespace ferrum {
namespace {

std::vector<int32_t> values(const Tensor& t) {
  std::vector<int32_t> out;
  for (int r = 0; r < t.rows; ++r)
    for (int c = 0; c < t.cols; ++c) out.push_back(*t.at<int32_t>(r, c));
  return out;
}

using Ids = std::vector<int32_t>;

std::vector<BlockId> blocks(const std::vector<int>& ids) {
  std::vector<BlockId> out;
  for (const int id : ids) out.push_back(static_cast<BlockId>(id));
  return out;
}

// A builder with an upload of its own, which it sends.
class Builder {
 public:
  Builder(Backend& backend, const StepBuilder::Limits& limits)
      : arena_(backend),
        upload_(backend, arena_, StepBuilder::upload_bytes(limits)),
        builder_(backend, upload_, limits) {}

  const Step& build(std::span<const Chunk> chunks, StepBuilder::Pass pass = StepBuilder::Pass::kModel) {
    const Step& step = builder_.build(chunks, pass);
    upload_.send();
    return step;
  }

 private:
  BackendArena arena_;
  StepUpload upload_;
  StepBuilder builder_;
};

TEST(StepBuilder, LaysOutARaggedBatch) {
  ReferenceBackend backend;
  Builder builder(
      backend, {.max_tokens = 8, .max_sequences = 3, .max_outputs = 8, .max_blocks = 3, .block_tokens = 4});
  const std::vector<TokenId> first = {10, 11, 12}, second = {20}, third = {30, 31};
  const std::vector<BlockId> first_blocks = blocks({5, 7}), second_blocks = blocks({2, 3, 9}),
                             third_blocks = blocks({1});
  const Chunk chunks[] = {{first, 3, first_blocks, Outputs::kNone},  // crosses from block 5 to block 7
                          {second, 9, second_blocks, Outputs::kLast},
                          {third, 0, third_blocks, Outputs::kAll}};
  const Step& step = builder.build(chunks);
  EXPECT_EQ(step.shape, (StepShape{6, 3, 3}));
  EXPECT_EQ(values(step.tokens), (Ids{10, 11, 12, 20, 30, 31}));
  EXPECT_EQ(values(step.positions), (Ids{3, 4, 5, 9, 0, 1}));
  EXPECT_EQ(values(step.kv[0].slots), (Ids{5 * 4 + 3, 7 * 4, 7 * 4 + 1, 9 * 4 + 1, 4, 5}));
  EXPECT_EQ(values(step.kv[0].block_table), (Ids{5, 7, -1, 2, 3, 9, 1, -1, -1}));
  EXPECT_EQ(values(step.query_start), (Ids{0, 3, 4, 6}));
  EXPECT_EQ(values(step.context_len), (Ids{6, 10, 2}));
  EXPECT_EQ(values(step.output_rows), (Ids{3, 4, 5}));
  EXPECT_EQ(values(step.output_positions), (Ids{9, 0, 1}));
  EXPECT_EQ(values(step.output_start), (Ids{0, 0, 1, 3}));
}

// A text model has no vectors for images, so their tokens have the row that transformers gives them.
TEST(StepBuilder, PlaceholdersHaveTheRowOfAnotherToken) {
  ReferenceBackend backend;
  Builder builder(backend, {.max_tokens = 8,
                            .max_sequences = 1,
                            .max_outputs = 8,
                            .max_blocks = 3,
                            .block_tokens = 4,
                            .placeholders = {11, 40},
                            .placeholder_row = 3});
  const std::vector<TokenId> tokens = {10, 11, 12, 40};
  const std::vector<BlockId> own = blocks({0});
  const Chunk chunks[] = {{tokens, 0, own, Outputs::kNone}};
  EXPECT_EQ(values(builder.build(chunks).tokens), (Ids{10, 3, 12, 3}));
}

// Two states of each block of four are kept: those of the last positions that were written.
TEST(StepBuilder, AnMtpHeadsStatesComeFromTheBlocks) {
  ReferenceBackend backend;
  Builder builder(backend, {.max_tokens = 8,
                            .max_sequences = 3,
                            .max_outputs = 8,
                            .max_blocks = 3,
                            .block_tokens = 4,
                            .mtp_rows = 2,
                            .kv_blocks = 10});
  const std::vector<TokenId> first = {10, 11, 12, 13, 14}, second = {20}, third = {30, 31};
  const std::vector<BlockId> first_blocks = blocks({5, 7}), second_blocks = blocks({2, 3, 9}),
                             third_blocks = blocks({1});
  const Chunk chunks[] = {{first, 1, first_blocks, Outputs::kNone},
                          {second, 8, second_blocks, Outputs::kLast},
                          {third, 0, third_blocks, Outputs::kAll}};
  const Step& step = builder.build(chunks);
  EXPECT_EQ(step.shape, (StepShape{8, 3, 3, 0, 3, 7}));
  EXPECT_EQ(values(step.carry.rows), (Ids{0, 5, 6}));
  EXPECT_EQ(values(step.carry.from), (Ids{5 * 2, 3 * 2 + 1, 10 * 2})) << "position 0 has zeros before it";
  EXPECT_EQ(values(step.carry.kept_rows), (Ids{1, 2, 3, 4, 5, 6, 7}));
  EXPECT_EQ(values(step.carry.kept_slots),
            (Ids{5 * 2, 5 * 2 + 1, 7 * 2, 7 * 2 + 1, 9 * 2, 1 * 2, 1 * 2 + 1}));

  const Chunk drafts[] = {{second, 8, second_blocks, Outputs::kLast},
                          {third, 2, third_blocks, Outputs::kAll}};
  const Step& of_head = builder.build(drafts, StepBuilder::Pass::kMtp);
  EXPECT_EQ(values(of_head.carry.rows), (Ids{0, 1, 2}));
  EXPECT_EQ(values(of_head.carry.from), (Ids{3 * 2 + 1, 1 * 2 + 1, 1 * 2}));
  EXPECT_EQ(values(of_head.carry.kept_rows), (Ids{0, 2}));
  EXPECT_EQ(values(of_head.carry.kept_slots), (Ids{9 * 2, 1 * 2 + 1}));
}

TEST(StepBuilder, DraftsThatKeepTheirStatesGoInWaves) {
  ReferenceBackend backend;
  Builder builder(backend, {.max_tokens = 8,
                            .max_sequences = 3,
                            .max_outputs = 8,
                            .max_blocks = 3,
                            .block_tokens = 4,
                            .has_states = true});
  const std::vector<TokenId> first = {10, 11, 12}, second = {20}, third = {30, 31};
  const std::vector<BlockId> held = blocks({0, 1, 2}), first_states = blocks({20, 21, 22}),
                             third_states = blocks({24, 25});
  Chunk chunks[] = {{first, 5, held, Outputs::kAll}, {second, 7, held}, {third, 0, held, Outputs::kAll}};
  chunks[0].states = StateSlots{10, 22}, chunks[0].row_states = first_states;
  chunks[1].states = StateSlots{11, 11};
  chunks[2].states = StateSlots{-1, 25}, chunks[2].row_states = third_states;
  const Step& step = builder.build(chunks);
  ASSERT_EQ(step.waves.size(), 3U);
  EXPECT_EQ(step.shape.waves, 3);
  const auto expect_wave = [&](size_t wave, const Ids& rows, const Ids& start, const Ids& slots) {
    EXPECT_EQ(values(step.waves[wave].rows), rows);
    EXPECT_EQ(values(step.waves[wave].query_start), start);
    EXPECT_EQ(values(step.waves[wave].state_slots), slots);
    EXPECT_EQ(step.waves[wave].tokens, static_cast<int>(rows.size()));
    EXPECT_EQ(step.waves[wave].sequences, static_cast<int>(start.size()) - 1);
  };
  expect_wave(0, {0, 3, 4}, {0, 1, 2, 3}, {10, 20, 11, 11, -1, 24});
  expect_wave(1, {1, 5}, {0, 1, 2}, {20, 21, 24, 25});
  expect_wave(2, {2}, {0, 1}, {21, 22});
  chunks[0].row_states = chunks[2].row_states = {};
  EXPECT_TRUE(builder.build(chunks).waves.empty());
}

TEST(StepBuilder, InputsOfStepsOfOneShapeStayAtTheirAddresses) {
  ReferenceBackend backend;
  Builder builder(
      backend, {.max_tokens = 4, .max_sequences = 1, .max_outputs = 1, .max_blocks = 2, .block_tokens = 4});
  const std::vector<TokenId> tokens = {1, 2, 3, 4};
  const std::vector<BlockId> two_blocks = blocks({0, 1});
  const auto build = [&](size_t count, int position) {
    const Chunk chunk = {std::span(tokens).first(count), position, two_blocks, Outputs::kLast};
    return builder.build(std::span(&chunk, 1));
  };
  const Step before = build(1, 4);
  build(4, 0);
  const Step after = build(1, 5);
  EXPECT_EQ(before.tokens.data, after.tokens.data);
  EXPECT_EQ(before.kv[0].block_table.data, after.kv[0].block_table.data);
  EXPECT_EQ(before.output_rows.data, after.output_rows.data);
}

}  // namespace
}  // namespace ferrum
