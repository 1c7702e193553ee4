#include "backend/cpu/kernel_memory.h"

namespace ferrum::cpu {

KernelMemory::KernelMemory(const Kernels& kernels, Activations activations, int workers, Room room)
    : room(room), matmul(kernels, activations, workers, room), experts(room) {
  for (int i = 0; i < workers; ++i) attention.emplace_back(room);
}

void KernelMemory::reserve(const WeightShape& w) {
  const Forms forms = matmul.forms_for(w);
  inputs.grow(kMaxBatch * w.orders, w.cols, forms, room);
  experts.reserve(w, forms);
  matmul.reserve(w);
}

size_t KernelMemory::bytes() const {
  size_t bytes = matmul.bytes() + inputs.bytes() + experts.bytes();
  for (const AttentionMemory& memory : attention) bytes += memory.bytes();
  return bytes;
}

}  // namespace ferrum::cpu
