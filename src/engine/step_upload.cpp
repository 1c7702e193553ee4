#include "engine/step_upload.h"

#include <algorithm>

#include "base/check.h"

namespace ferrum {

Tensor StepUpload::allocate(Arena& arena, size_t bytes) {
  return arena.allocate(DType::kI8, static_cast<int64_t>(rounded(bytes) / kAlignment), kAlignment);
}

StepUpload::StepUpload(Backend& backend, Arena& arena, size_t bytes)
    : backend_(backend),
      room_(allocate(arena, bytes)),
      host_(std::make_unique_for_overwrite<std::byte[]>(room_.bytes())) {}

Tensor StepUpload::add(DType dtype, int cols, std::span<const std::byte> values) {
  check(values.size() <= room_.bytes() - size_, "what a step uploads fits the room for it");
  const size_t row = static_cast<size_t>(cols) * size_of(dtype), padded = rounded(values.size());
  check(values.size() % row == 0, "whole rows are uploaded");
  const Tensor part = {static_cast<std::byte*>(room_.data) + size_, dtype,
                       static_cast<int>(values.size() / row), cols, cols};
  std::byte* const to = host_.get() + size_;
  std::ranges::copy(values, to);
  std::fill(to + values.size(), to + padded, std::byte{0});
  size_ += padded;
  return part;
}

void StepUpload::cut(size_t size) {
  size_ = size;
  sent_ = std::min(sent_, size);
}

void StepUpload::send() {
  if (sent_ == size_) return;
  const auto first = static_cast<int>(sent_ / kAlignment), end = static_cast<int>(size_ / kAlignment);
  backend_.upload(room_.rows_at(first, end - first), std::span(host_.get() + sent_, size_ - sent_));
  sent_ = size_;
}

}  // namespace ferrum
