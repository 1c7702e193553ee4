// Which layers of a description have a window, and which have experts.
#pragma once
#include <vector>

#include "checkpoint/model_description.h"

namespace ferrum::test {

inline std::vector<bool> sliding_layers(const ModelDescription& model) {
  std::vector<bool> layers;
  for (const LayerDescription& layer : model.layers) layers.push_back(layer.attention.window > 0);
  return layers;
}

inline std::vector<bool> moe_layers(const ModelDescription& model) {
  std::vector<bool> layers;
  for (const LayerDescription& layer : model.layers) layers.push_back(layer.feed_forward.experts > 0);
  return layers;
}

}  // namespace ferrum::test
