// Tensors that have q, k and v of a layer, by groups: for each key head the rows of its query heads, then
// those of its key and of its value.
#pragma once
#include <string_view>
#include <vector>

#include "checkpoint/model_description.h"
#include "tensor/host_tensor.h"

namespace ferrum {

// Weights and biases with `part` in their names become all of q, then all of k, then all of v. Those of
// another size stay as they are.
void join_groups_of_heads(std::vector<HostTensor>& tensors, std::string_view part,
                          const ModelDescription& model);

// Each becomes three tensors, with these names in place of `part`.
struct HeadParts {
  std::string_view q, k, v;
};
void split_groups_of_heads(std::vector<HostTensor>& tensors, std::string_view part, const HeadParts& names,
                           const ModelDescription& model);

}  // namespace ferrum
