#include "backend/cpu/kernel_memory.h"

#include <algorithm>

namespace ferrum::cpu {

KernelMemory::KernelMemory(const Kernels& kernels, Activations activations, int workers, Room room)
    : room(room),
      matmul(kernels, activations, workers, room),
      head_inputs(static_cast<size_t>(workers)),
      experts(room),
      drawers(static_cast<size_t>(std::min(workers, kMostDrawers))) {
  for (int i = 0; i < workers; ++i) attention.emplace_back(room);
}

void KernelMemory::reserve(const WeightShape& w) {
  const Forms forms = matmul.forms_for(w);
  if (w.of_heads) {
    for (InputArray& array : head_inputs) array.grow(kHeadBatch * w.orders, w.cols, forms, room);
    return matmul.reserve(w);
  }
  inputs.grow(kMaxBatch * w.orders, w.cols, forms, room);
  experts.reserve(w, forms);
  matmul.reserve(w);
  if (w.groups > 1 || w.rows <= logits) return;
  logits = w.rows;
  if (room == Room::kCounted) return;
  for (Drawer& drawer : drawers) drawer.reserve(static_cast<size_t>(logits));
}

size_t KernelMemory::bytes() const {
  size_t bytes = matmul.bytes() + inputs.bytes() + experts.bytes() +
                 drawers.size() * Drawer::bytes_for(static_cast<size_t>(logits));
  for (const InputArray& array : head_inputs) bytes += array.bytes();
  for (const AttentionMemory& memory : attention) bytes += memory.bytes();
  return bytes;
}

}  // namespace ferrum::cpu
