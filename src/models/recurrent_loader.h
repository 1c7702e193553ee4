// The mixers that keep a state instead of keys and values, from a checkpoint's tensors.
#pragma once
#include <initializer_list>

#include "models/delta_mixer.h"
#include "models/short_convolution.h"
#include "models/state_space_mixer.h"
#include "models/tensor_loader.h"

namespace ferrum {

class RecurrentLoader {
 public:
  // The loader of tensors outlives this.
  explicit RecurrentLoader(TensorLoader& tensors) : tensors_(tensors), model_(tensors.model()) {}

  DeltaMixer::Parts delta(int layer);
  DeltaMixer::Parts delta_by_channel(int layer);
  ShortConvolution::Parts short_convolution(int layer);
  StateSpaceMixer::Parts state_space(int layer);

 private:
  DeltaRule delta_rule(int layer);
  // [kernel, channels] of the file's [channels, kernel], whose channels may be in several tensors.
  Tensor convolution(int layer, std::initializer_list<TensorRole> parts, int kernel);
  Tensor decay(int layer, bool is_log);  // [1, heads or channels], negative

  TensorLoader& tensors_;
  const ModelDescription& model_;
};

}  // namespace ferrum
