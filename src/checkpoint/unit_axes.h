// Tensors whose shape differs from the plan's by axes of length 1 alone: convolutions [channels, 1, kernel],
// and numbers of heads [1, 1, heads, 1].
#pragma once
#include <vector>

#include "checkpoint/model_description.h"
#include "checkpoint/tensor_names.h"
#include "tensor/host_tensor.h"

namespace ferrum {

// Gives them the plan's shape. Others stay as they are.
void drop_unit_axes(std::vector<HostTensor>& tensors, const ModelDescription& model, Naming naming);

}  // namespace ferrum
