// The memory of kernels beside the tensors: it grows with the weights that are packed, and not in a step.
#pragma once
#include <vector>

#include "backend/cpu/attention_memory.h"
#include "backend/cpu/expert_memory.h"
#include "backend/cpu/matmul.h"

namespace ferrum::cpu {

struct KernelMemory {
  KernelMemory(const Kernels& kernels, Activations activations, int workers, Room room = Room::kTaken);

  // Makes room for products with a weight of that shape. Throws std::bad_alloc.
  void reserve(const WeightShape& w);
  size_t bytes() const;

  Room room;
  Matmul matmul;
  InputArray inputs;  // [kMaxBatch, the widest weight]
  ExpertMemory experts;
  std::vector<AttentionMemory> attention;  // of each worker
};

}  // namespace ferrum::cpu
