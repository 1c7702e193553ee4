// From a checkpoint's tensors to what a backend computes with: packed weights, vectors, norms and tables of
// rotations.
#pragma once
#include <initializer_list>
#include <memory>
#include <vector>

#include "backend/backend.h"
#include "checkpoint/checkpoint.h"
#include "models/decoder.h"
#include "models/loader.h"

namespace ferrum {

class TensorLoader {
 public:
  // All of these outlive the loader, `progress` excepted.
  TensorLoader(Backend& backend, const Checkpoint& checkpoint, const DecoderLimits& limits,
               const LoadProgress& progress);
  // Loads nothing, but adds to `listed` what would be packed: weights are null and tensors empty.
  TensorLoader(std::vector<WeightSource>& listed, const Checkpoint& checkpoint);

  const ModelDescription& model() const { return model_; }
  const Checkpoint& checkpoint() const { return checkpoint_; }
  bool only_lists() const { return listed_ != nullptr; }

  // Rows of a tensor, in this order; none: all as they are.
  struct Part {
    TensorKey key;
    std::vector<int64_t> rows;
  };

  // A table of embeddings; its rows from `first` on.
  std::unique_ptr<Weight> table(const TensorKey& key, WeightUse use = WeightUse::kLookUp);
  std::unique_ptr<Weight> table_from(const TensorKey& key, int first);
  // With its bias, if the checkpoint has one.
  std::unique_ptr<Weight> matrix(const TensorKey& key) { return stacked({{key, {}}}); }
  std::unique_ptr<Weight> matrix_of_heads(const TensorKey& key, int heads);
  // The parts one below the other. Those without a bias get zeros where another part has one.
  std::unique_ptr<Weight> stacked(const std::vector<Part>& parts);
  // The fused tensor if the checkpoint has one, else the parts stacked.
  std::unique_ptr<Weight> stack(int layer, TensorRole fused, std::initializer_list<TensorRole> parts);
  // `fused` if the checkpoint has it, or the parts, gate over up. Biases lie expert by expert.
  std::unique_ptr<Weight> expert_stack(int layer, int experts, TensorRole fused,
                                       std::initializer_list<TensorRole> parts);
  bool has_experts(int layer, TensorRole role) const;

  // The checkpoint has checked that every tensor the description demands is there.
  const HostTensor& required(const TensorKey& key) const;
  Tensor vector(const TensorKey& key);  // [1, n] f32
  Tensor vector_if_there(const TensorKey& key);
  Norm norm(TensorKey key, float eps);
  Rope rotation(const RopeDescription& rope);
  Tensor upload(const std::vector<float>& values, int rows);  // [rows, values / rows] f32

  // What the packed weights are made of, where adapters may change them.
  std::vector<WeightOrigin> take_origins() { return std::move(origins_); }
  // The memory of all vectors. Error kBadFile if the file was cut while it was read.
  std::vector<std::unique_ptr<Buffer>> take_buffers();

 private:
  std::vector<float> bias_of(TensorKey key, int64_t rows) const;
  std::vector<float> expert_bias(int layer, int experts,
                                 TensorRole role) const;  // [experts × rows], or empty
  // Parts without a bias get zeros where another part has one.
  std::vector<float> joined(const std::vector<std::vector<float>>& biases,
                            const std::vector<TensorRole>& roles, int layer, int experts) const;
  size_t rows_of_expert(int layer, int experts, TensorRole role) const;
  // All experts in one tensor, or a tensor for each.
  WeightSource::Part experts_of(int layer, int experts, TensorRole role) const;
  // `parts`: the tensors of the source, one below the other.
  std::unique_ptr<Weight> pack(const WeightSource& source, const std::vector<Part>& parts);

  Backend* backend_ = nullptr;                   // either this
  std::vector<WeightSource>* listed_ = nullptr;  // or this
  const Checkpoint& checkpoint_;
  const ModelDescription& model_;
  DecoderLimits limits_;
  LoadProgress progress_;
  uint64_t done_ = 0;
  std::vector<WeightOrigin> origins_;
  std::vector<std::unique_ptr<Buffer>> buffers_;
};

}  // namespace ferrum
