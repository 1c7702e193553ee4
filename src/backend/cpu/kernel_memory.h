// The memory of kernels beside the tensors: it grows with the weights that are packed, and not in a step.
#pragma once
#include <vector>

#include "backend/cpu/attention_memory.h"
#include "backend/cpu/expert_memory.h"
#include "backend/cpu/matmul.h"
#include "backend/cpu/sampling/drawer.h"

namespace ferrum::cpu {

constexpr int kMostDrawers = 8;  // each has room for a vocabulary
constexpr int kHeadBatch = 64;   // rows of one head's product

struct KernelMemory {
  KernelMemory(const Kernels& kernels, Activations activations, int workers, Room room = Room::kTaken);

  // Makes room for products with a weight of that shape. Throws std::bad_alloc.
  void reserve(const WeightShape& w);
  size_t bytes() const;

  Room room;
  Matmul matmul;
  InputArray inputs;                    // [kMaxBatch, the widest weight]
  std::vector<InputArray> head_inputs;  // of each worker: [kHeadBatch, the widest input of a head]
  ExpertMemory experts;
  std::vector<AttentionMemory> attention;  // of each worker
  std::vector<Drawer> drawers;             // of the first workers, up to kMostDrawers
  int64_t logits = 0;                      // the most that a weight gives, for which drawers have room
};

}  // namespace ferrum::cpu
