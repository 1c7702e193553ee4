// A model that computes nothing: it keeps nothing of a sequence, and all tokens are equally likely to it.
#pragma once
#include <memory>
#include <span>
#include <vector>

#include "base/check.h"
#include "models/decoder.h"
#include "models/model.h"

namespace ferrum {

class EvenModel final : public Model {
 public:
  // `hidden`: the width of its hidden states, which are 0.
  EvenModel(Backend& backend, const DecoderLimits& limits, int hidden)
      : backend_(backend),
        buffer_(backend.allocate(sizeof(float) * static_cast<size_t>(limits.max_outputs) *
                                 static_cast<size_t>(hidden))),
        hidden_{buffer_->data(), DType::kF32, limits.max_outputs, hidden, hidden} {
    put_zeros(hidden_);
  }

  void forward(const Step&, Tensor logits) override {
    if (logits.rows > 0) put_zeros(logits);
  }
  void forward_mtp(const Step&, Tensor) override { check(false, "no head that predicts further tokens"); }
  Tensor hidden_states(int outputs) const override { return hidden_.first_rows(outputs); }
  void copy_blocks(int, Tensor) override {}
  void copy_states(Tensor) override {}
  size_t block_bytes(int) const override { return 0; }
  void read_block(int, int, std::span<std::byte> contents) override {
    check(contents.empty(), "a block has no bytes");
  }
  void write_block(int, int, std::span<const std::byte> contents) override {
    check(contents.empty(), "a block has no bytes");
  }

 private:
  void put_zeros(Tensor tensor) {
    zeros_.resize(static_cast<size_t>(tensor.rows) * static_cast<size_t>(tensor.cols));
    backend_.upload(tensor, std::as_bytes(std::span(zeros_)));
  }

  Backend& backend_;
  std::unique_ptr<Buffer> buffer_;
  Tensor hidden_;             // [max_outputs, hidden] f32, on the device
  std::vector<float> zeros_;  // as many as the last upload needed
};

}  // namespace ferrum
