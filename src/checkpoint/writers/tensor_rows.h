// Maps the rows of a GGUF tensor to a checkpoint that splits, stacks, fuses and orders them differently.
#pragma once
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "checkpoint/checkpoint.h"
#include "checkpoint/gguf/gguf_layout.h"
#include "tensor/host_tensor.h"

namespace ferrum {

// Encodes one row of values. Error kBadFile naming the tensor for values that `format` cannot hold: above
// 65504 in F16, infinite or not a number in quantised formats.
void encode_values(const std::string& name, std::span<const float> values, Format format,
                   std::span<std::byte> out);

// Rows of a tensor in `format`, from `first_row` on: copied where that is its own. Errors as above.
void encode_rows(const HostTensor& tensor, int64_t first_row, Format format, std::span<std::byte> out);

// One tensor of the target, read row by row. Immutable; the checkpoint must outlive it.
class TensorRows {
 public:
  // REQUIRES: the checkpoint has the tensors that its description demands.
  TensorRows(const Checkpoint& checkpoint, const GgufLayoutTensor& target);

  // Decodes and encodes whole rows of the target, from `first_row` on. Errors: those of encode_values.
  void encode(int64_t first_row, Format format, std::span<std::byte> out) const;

  // Whether the values are stored numbers times factors that are no powers of two: in the format of what is
  // stored they would be rounded.
  bool needs_more_digits() const;

  // The format of what the values are read from; nothing where they are computed.
  std::optional<Format> stored_format() const {
    return sources_.empty() || !values_.empty() ? std::nullopt : std::optional(sources_.front()->format);
  }

 private:
  struct Row {
    const HostTensor* tensor;
    int64_t index;
  };

  void find_sources(const Checkpoint& checkpoint, TensorKey key);
  void find_vector(const Checkpoint& checkpoint, const TensorKey& key);
  void find_expert_biases(const Checkpoint& checkpoint, TensorKey key, int64_t experts);
  bool find_fused(const Checkpoint& checkpoint, const TensorKey& key);
  int64_t permuted(int64_t row) const;
  Row source_of(int64_t row) const;
  void encode_row(const Row& row, float factor, Format format, std::span<std::byte> out,
                  std::vector<float>& decoded) const;

  std::string name_;
  int64_t cols_;
  int64_t rows_;  // of one matrix: of one expert
  int64_t elements_;
  // Where row and column i of a matrix come from; empty: from i.
  std::vector<int64_t> row_order_, column_order_;

  // A matrix, or a tensor for each expert; rows_ rows from first_row_ of each source_rows_ on.
  std::vector<const HostTensor*> sources_;
  int64_t source_rows_ = 0;
  int64_t first_row_ = 0;

  std::vector<float> factors_;  // of the rows, or of the elements of a bias; empty: 1

  std::vector<float> values_;  // instead, for tensors of one dimension and biases of experts
};

}  // namespace ferrum
