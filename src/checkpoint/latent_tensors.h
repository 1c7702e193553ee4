// Files of latent attention, as folders and older GGUF files have it: one matrix makes of the latent vector,
// head by head, the part of its key that is not rotated and then its value.
#pragma once
#include <vector>

#include "checkpoint/model_description.h"
#include "checkpoint/tensor_names.h"
#include "tensor/host_tensor.h"

namespace ferrum {

// Replaces each [heads × (plain_dim + value_dim), latent] by the two of the plan, without a copy: kKeyUp
// [heads, latent, plain_dim], transposed, and kValueUp [heads, value_dim, latent]. Formats of blocks cannot
// be transposed as they are, so that kKeyUp is then F32. Error kBadConfig: it has another shape.
void split_latent(std::vector<HostTensor>& tensors, const ModelDescription& model, Naming naming);

}  // namespace ferrum
