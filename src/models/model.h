// A loaded model as the engine's runner sees it: what it computes of a step, and what it keeps of a sequence.
#pragma once
#include <cstddef>
#include <span>

#include "backend/backend.h"

namespace ferrum {

class AdapterTables;

class Model {
 public:
  virtual ~Model() = default;

  // Computes one step, whose rows come as tokens or as embedding vectors, and whose keys and values are kept
  // where step.kv says. logits [step.shape.outputs, vocab] f32, or empty: only hidden states are wanted.
  virtual void forward(const Step& step, Tensor logits) = 0;
  // The MTP head alone: rows are tokens, and the state of each comes from step.carry. logits as forward()'s,
  // of the token after that of their row. REQUIRES: the model has a head that predicts further tokens.
  virtual void forward_mtp(const Step& step, Tensor logits) = 0;
  // The hidden states behind the last norm, of which the last step's logits were made: [outputs, hidden] f32,
  // on the device until the next step.
  virtual Tensor hidden_states(int outputs) const = 0;

  // What its adapters add; null where it was loaded without room for them. Not within a step.
  virtual AdapterTables* adapters() { return nullptr; }

  // What is kept, by group of layers (KvSizes) ----

  // from_to [n, 2] i32, on the device: block onto block of every layer of the group.
  virtual void copy_blocks(int group, Tensor from_to) = 0;
  // from_to [n, 2] i32, on the device: slot onto slot of every recurrent layer.
  virtual void copy_states(Tensor from_to) = 0;
  // One block of the group's layers, as it is stored. `contents` [block_bytes(group)]. Not within a step.
  virtual size_t block_bytes(int group) const = 0;
  virtual void read_block(int group, int block, std::span<std::byte> contents) = 0;
  virtual void write_block(int group, int block, std::span<const std::byte> contents) = 0;
};

}  // namespace ferrum
