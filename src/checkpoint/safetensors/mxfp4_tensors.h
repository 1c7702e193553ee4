// The experts of folders in MXFP4: "<name>_blocks" [n, rows, cols / 32, 16] and "<name>_scales" [n, rows,
// cols / 32], both U8, are one tensor "<name>" of format MXFP4.
//
// A byte of a block holds elements 2 i (lower four bits) and 2 i + 1; in GGUF's blocks, which are ours,
// element j and element j + 16. Source: OpenAI's gpt-oss and transformers' integrations/mxfp4.py.
#pragma once
#include <memory>
#include <string_view>
#include <vector>

#include "checkpoint/safetensors/safetensors.h"
#include "tensor/host_tensor.h"

namespace ferrum {

bool is_mxfp4_part(const SafetensorsEntry& entry);

// Those of all files, which must outlive them. Error kBadFile naming file and tensor: a part without the
// other, or shapes that contradict each other.
std::vector<HostTensor> mxfp4_tensors(const std::vector<std::unique_ptr<SafetensorsFile>>& files);

}  // namespace ferrum
