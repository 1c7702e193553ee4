// Turns "these tokens of these sequences" into the device-resident inputs of one step.
#pragma once
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "backend/arena.h"
#include "backend/backend.h"
#include "engine/chunk.h"
#include "engine/hidden_carry.h"
#include "engine/step_adapters.h"
#include "engine/step_upload.h"
#include "engine/step_waves.h"

namespace ferrum {

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
    bool has_adapters = false;
    int top_k = 0;           // experts of a row
    bool has_types = false;  // of tokens
    std::vector<int32_t> placeholders =
        {};  // tokens that have the row of another in the tables of embeddings
    int32_t placeholder_row = 0;
  };

  // Uploads go through `upload`, which outlives this and has room for upload_bytes().
  StepBuilder(Backend& backend, StepUpload& upload, const Limits& limits);
  static size_t upload_bytes(const Limits& limits);
  // What the constructor allocates.
  static size_t bytes(const Limits& limits);

  using Pass = CarryBuilder::Pass;
  // Begins an upload with what the step needs of the host; it is the caller's to send. The chunks must keep
  // the limits. The Step is valid until the next call.
  const Step& build(std::span<const Chunk> chunks, Pass pass = Pass::kModel);
  // Where the chunks of the step that was just built say so (Chunk::drawn), its tokens become those of
  // `drawn` [draws, 1] i32, on the device. REQUIRES: the upload was sent.
  void take_drawn(Tensor drawn);

 private:
  // Adds the rows of a chunk to what the groups' tables and slots will hold.
  void index_chunk(const Chunk& chunk);
  // The row of a token in the tables of embeddings.
  int32_t row_of(TokenId token) const;
  // Adds the vector at a position as the next row.
  void add_vector(const Chunk& chunk, int position);
  // Whether the tokens come from draws; then all do.
  bool add_draws(std::span<const Chunk> chunks);
  static Tensor allocate_vectors(Arena& arena, const Limits& limits);

  Backend& backend_;
  StepUpload& upload_;
  Limits limits_;
  BackendArena arena_;
  Tensor vectors_room_;                // [max_vectors, hidden] f32: large, rare, and uploaded by themselves
  Tensor draws_;                       // [sequences] i32  of the chunks' tokens; empty: they are no draws
  std::optional<WaveBuilder> waves_;   // where layers keep states
  std::optional<CarryBuilder> carry_;  // where a model has an MTP head
  std::optional<StepAdapterBuilder> adapters_;
  Step step_;

  // Host copies, reused from step to step.
  struct HostIndex {
    std::vector<int32_t> slots, block_table;
  };
  std::vector<HostIndex> kv_;  // [kv_groups]
  std::vector<int32_t> chunk_draws_, tokens_, positions_, query_start_, context_len_, output_rows_,
      output_positions_, output_start_, vector_rows_, state_slots_, types_;
  std::vector<float> vectors_;
};

}  // namespace ferrum
