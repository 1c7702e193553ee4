// Assembles the weights of GPTQ and AWQ checkpoints from the tensors that store their parts.
#pragma once
#include <memory>
#include <string_view>
#include <vector>

#include "checkpoint/safetensors/group_quantization.h"
#include "checkpoint/safetensors/safetensors.h"
#include "tensor/host_tensor.h"

namespace ferrum {

// Whether a tensor's name is that of such a part: "….qweight", "….qzeros", "….scales", "….g_idx".
bool is_group_part(std::string_view name);

// A tensor "….weight" of format G4_32, G4_64 or G4_128 for every module that has parts in any of the files,
// which must outlive the tensors. Reads g_idx, else only headers. Errors naming file and tensor: kBadFile for
// a missing part, for shapes that contradict each other or the group size, and for a g_idx that does
// not divide the columns into groups; kUnsupported for types that the parts do not have and groups that
// Ferrum does not read.
std::vector<HostTensor> group_tensors(const std::vector<std::unique_ptr<SafetensorsFile>>& files,
                                      const GroupQuantization& quantization);

}  // namespace ferrum
