// Matrices of a model, from the checkpoint's bytes to a backend's own layout.
#pragma once
#include <cstdint>
#include <vector>

#include "tensor/host_tensor.h"

namespace ferrum {

enum class WeightUse : uint8_t {
  kMultiply,  // and rows may be looked up as well, as in a head that is the embedding, too
  kLookUp,    // `embed` alone: a backend may leave it where the checkpoint has it
  kHeads,     // `linear_heads` alone: a group for each head
};

// What `Backend::pack` is given. A weight is `groups` matrices (1, or one per expert or head) of the same
// shape [rows, cols]; each matrix is the parts' rows one below the other (q, k, v; or gate, up), and parts
// may differ in format and column order. Every part gives, in order, the rows of group 0, of group 1, …: as
// one tensor [groups × rows, cols], or as one tensor per group.
struct WeightSource {
  using Part = std::vector<HostTensor>;

  int groups = 1;
  std::vector<Part> parts;
  std::vector<float> bias;  // [groups × rows] or empty: added by the operation that multiplies
  WeightUse use = WeightUse::kMultiply;
};

// A matrix (or one per expert) packed by one backend. The bytes it was packed from must outlive it where
// the source says kLookUp, and on backends that read weights in place.
class Weight {
 public:
  virtual ~Weight() = default;
  Weight(const Weight&) = delete;
  Weight& operator=(const Weight&) = delete;

  int groups() const { return groups_; }
  int rows() const { return rows_; }  // of one group: the width of the output
  int cols() const { return cols_; }  // the width of the input

 protected:
  // Checks that the parts agree with each other; the loader has checked them against the model.
  explicit Weight(const WeightSource& source);

 private:
  int groups_ = 0;
  int rows_ = 0;
  int cols_ = 0;
};

}  // namespace ferrum
