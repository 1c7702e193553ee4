// The order of rows and columns in which GGUF files store some weights, as against a folder's.
#pragma once
#include <cstdint>
#include <vector>

#include "checkpoint/model_description.h"
#include "checkpoint/tensor_role.h"

namespace ferrum {

// Place i of the GGUF file's is place rows[i], or columns[i], of the folder's. Empty: the same.
struct GgufOrder {
  std::vector<int64_t> rows, columns;
};

// Of one matrix, or one vector, of an architecture that both kinds of files have:
// - q and k, where GGUF files rotate neighbours and folders rotate halves. Of the rotated rows of a head, row
//   2i + p is the folder's row p × rotary_dim / 2 + i. With latent attention the last rows of each head of q
//   are rotated, and those behind the latent vector.
// - recurrent layers of architectures that store value heads tiled. Head j is the folder's head
//   j mod key_heads × sharing + j / key_heads, where `sharing` value heads belong to a key head.
enum class FolderRotates { kHalves, kNeighbours };
GgufOrder gguf_order(const ModelDescription& model, const TensorKey& key, FolderRotates folder);

}  // namespace ferrum
