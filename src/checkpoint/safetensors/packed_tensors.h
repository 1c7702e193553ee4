// Weights of 4-bit integers as compressed-tensors packs them ("pack-quantized"), read as G4_32, G4_64 or
// G4_128.
//
// Beside each other, for a module X with a weight [out, in], row-major:
//
//   X.weight_packed      I32 [out, in / 8]      columns 8 j … 8 j + 7 of a row, from the low bits up, each 8
//   too large X.weight_scale       [out, groups]          F16, BF16 or F32; rounded to binary16
//   X.weight_zero_point  I32 [out / 8, groups]  rows 8 j … 8 j + 7 in the same way; absent: all are 0
//   X.weight_g_idx       I32 [in]               the group of each column; absent or -1: as they lie
//   X.weight_shape       I64 [2]                out, in
//
// value = scale × (integer − zero point). Source: compressed-tensors 0.12,
// compressors/quantized_compressors/pack_quantized.py.
#pragma once
#include <memory>
#include <string_view>
#include <vector>

#include "checkpoint/json_view.h"
#include "checkpoint/safetensors/safetensors.h"
#include "tensor/host_tensor.h"

namespace ferrum {

// Whether config.json's quantization_config is this one. Errors: kUnsupported for other widths and types of
// weights.
bool is_packed_quantization(const JsonView& fields);

// Whether a tensor's name is that of such a part.
bool is_packed_part(std::string_view name);

// A tensor "X.weight" for every module that has packed weights in any of the files, which must outlive the
// tensors. Errors naming file and tensor: kBadFile for a missing part and for shapes that contradict each
// other; kUnsupported for types that the parts do not have and groups of columns that are no multiple of 32.
std::vector<HostTensor> packed_tensors(const std::vector<std::unique_ptr<SafetensorsFile>>& files);

}  // namespace ferrum
