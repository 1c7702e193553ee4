// The weights of a model with adapters merged in, made row by row: W + scale · B A.
#pragma once
#include <functional>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "checkpoint/adapters/adapter.h"
#include "checkpoint/model_description.h"
#include "tensor/host_tensor.h"

namespace ferrum {

// What adapters add to some rows of a tensor.
struct RowChange {
  int64_t first_row = 0, rows = 0;
  int64_t rank = 0;                             // 0: b is the difference itself, [rows, cols]
  std::shared_ptr<const std::vector<float>> a;  // [rank, cols]
  std::shared_ptr<const std::vector<float>> b;  // row b_row + i, of `rank` numbers, is of row first_row + i
  int64_t b_row = 0;
  float scale = 1;
};

class MergedWeights {
 public:
  // The tensor that holds a weight, with its rows and columns in the order of the model's description; null:
  // there is none, or it stores them in another order.
  using Find = std::function<const HostTensor*(const TensorKey&)>;
  MergedWeights(const ModelDescription& model, Find find);

  // All that an adapter of this model changes, `scale` times. Error kUnsupported naming a weight that find()
  // does not have.
  void add(const std::shared_ptr<const Adapter>& adapter, float scale);

  bool changes(const HostTensor& tensor) const { return changes_.contains(&tensor); }
  // In float32, made of `tensor` when it is read; `tensor` itself where nothing changes it. This object need
  // not outlive it.
  HostTensor merged(const HostTensor& tensor) const;
  // The head where it was the embedding and no longer is, since the adapters change one of the two: for
  // checkpoints that do not store it. Nothing: there is no such head.
  std::optional<HostTensor> new_head() const;
  bool unties_head() const { return unties_head_; }

 private:
  using Changes = std::vector<RowChange>;
  void add_change(const std::shared_ptr<const Adapter>& adapter, const LowRankChange& change, float scale);
  bool add_to_latent(const LowRankChange& change, const RowChange& whole);
  bool add_to_parts(const TensorKey& key, const RowChange& whole);
  bool add_within_fused(const TensorKey& key, const RowChange& whole);
  Changes& changes_of_head();

  const ModelDescription& model_;
  Find find_;
  std::unordered_map<const HostTensor*, Changes> changes_;
  Changes new_head_;  // to the embedding's rows
  bool unties_head_ = false;
};

}  // namespace ferrum
