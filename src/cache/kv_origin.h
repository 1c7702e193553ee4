// What keys and values depend on apart from the tokens. Saved ones are valid only if all of it is equal.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "base/hash128.h"

namespace ferrum {

struct KvOrigin {
  std::string model;       // for messages
  Hash128 fingerprint;     // of the model's weights
  int32_t context = 0;     // tokens of the longest sequence, since some models choose their rotation by it
  Hash128 rotation;        // of the rotation's angles
  std::string arithmetic;  // "cpu, avx512, int8 activations"
  std::string dtype;       // of keys and values
  int32_t layers = 0;      // with that of an MTP head, if it is in use
  int32_t kv_heads = 0;
  int32_t head_dim = 0;
  int32_t block_tokens = 0;
  uint64_t block_bytes = 0;  // of one block's keys and values in the layers that keep all positions
  // Layers that keep a window of positions: what they keep of one block.
  struct Window {
    int32_t window = 0;
    uint64_t page_bytes = 0;
    bool operator==(const Window&) const = default;
  };
  std::vector<Window> windows;
};

// Throws kBadArgument naming `source` and the first difference between the saved origin and the one in
// use.
void require_same(const KvOrigin& saved, const KvOrigin& in_use, const std::string& source);

}  // namespace ferrum
