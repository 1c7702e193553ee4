// Turns "these tokens of these sequences" into the device-resident inputs of one step.
#pragma once
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "backend/backend.h"
#include "cache/block_table.h"
#include "engine/vector_rows.h"
#include "models/arena.h"
#include "text/token.h"

namespace ferrum {

// The rows of a chunk whose logits the model computes.
enum class Outputs { kNone, kLast, kAll };

// A run of consecutive positions of one sequence.
struct Chunk {
  std::span<const TokenId> tokens;  // kVectorRow where a vector comes instead
  int position = 0;                 // of the first of them
  std::span<const BlockId> blocks;  // the sequence's blocks, enough for all its tokens so far
  Outputs outputs = Outputs::kLast;
  const VectorRows* vectors = nullptr;  // the sequence's; may be null where no token is kVectorRow
  // The sequence's pages of each window, beside the blocks (BlockTable::pages); none: the blocks serve for
  // all layers.
  std::span<const std::vector<BlockId>> pages = {};
  // None: the slot of its place among the chunks, for callers whose chunks are the same sequences each time.
  std::optional<StateSlots> states = {};
  // Of a draft: where the state behind each of its tokens is left. None: that behind the last, as `states`
  // says.
  std::span<const BlockId> row_states = {};
};

class StepBuilder {
 public:
  struct Limits {
    int max_tokens = 0;
    int max_sequences = 0;
    int max_outputs = 0;
    int max_blocks = 0;  // of one sequence
    int block_tokens = 0;
    int kv_groups = 1;
    int max_vectors = 0;      // rows that come as vectors
    int hidden = 0;           // width of a vector
    bool has_states = false;  // of recurrent layers; may be kept behind each token of a draft
    int mtp_rows = 0;         // hidden states of a block that are kept for an MTP head; 0: there is none
    int kv_blocks = 0;        // of group 0
  };

  StepBuilder(Backend& backend, const Limits& limits);
  // What the constructor allocates.
  static size_t bytes(const Limits& limits);

  // Of the whole model, or of its MTP head alone, which reads all hidden states that it needs from what was
  // kept, and keeps that of each chunk's last row.
  enum class Pass { kModel, kMtp };
  // The chunks must keep the limits. The Step is valid until the next call.
  const Step& build(std::span<const Chunk> chunks, Pass pass = Pass::kModel);

 private:
  // Adds the rows of a chunk to what the groups' tables and slots will hold.
  void index_chunk(const Chunk& chunk);
  // Adds what the chunk reads and keeps of hidden states. Its first row is `row`.
  void carry_chunk(const Chunk& chunk, int row, Pass pass);
  // Splits the step into waves, if a chunk keeps its state behind each row.
  void build_waves(std::span<const Chunk> chunks);
  // Adds the vector at a position as the next row.
  void add_vector(const Chunk& chunk, int position);
  static Step allocate(Arena& arena, const Limits& limits);
  static StepWave allocate_waves(Arena& arena, const Limits& limits);
  void upload(Tensor dst, const std::vector<int32_t>& values);

  Backend& backend_;
  Limits limits_;
  BackendArena arena_;
  Step full_;            // the tensors at their largest
  StepWave full_waves_;  // of all waves, one behind the other
  std::vector<StepWave> waves_;
  Step step_;

  // Host copies, reused from step to step.
  struct HostIndex {
    std::vector<int32_t> slots, block_table;
  };
  std::vector<HostIndex> kv_;  // [kv_groups]
  std::vector<int32_t> tokens_, positions_, query_start_, context_len_, output_rows_, output_positions_,
      output_start_, vector_rows_, state_slots_, carry_rows_, carry_from_, kept_rows_, kept_slots_,
      wave_rows_, wave_start_, wave_slots_;
  std::vector<float> vectors_;
};

}  // namespace ferrum
