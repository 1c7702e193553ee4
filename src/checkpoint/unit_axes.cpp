#include "checkpoint/unit_axes.h"

#include <algorithm>

#include "checkpoint/architecture.h"
#include "checkpoint/tensor_plan.h"

namespace ferrum {
namespace {

std::vector<int64_t> without_units(std::vector<int64_t> shape) {
  std::erase(shape, 1);
  return shape;
}

}  // namespace

void drop_unit_axes(std::vector<HostTensor>& tensors, const ModelDescription& model, Naming naming) {
  const NameTable names = model.architecture->tensor_names();
  const std::vector<PlannedTensor> plan = tensors_of(model);
  for (HostTensor& tensor : tensors) {
    if (std::ranges::find(tensor.shape, 1) == tensor.shape.end()) continue;
    const auto key = names.parse(naming, tensor.name);
    const auto planned =
        std::ranges::find_if(plan, [&](const PlannedTensor& p) { return key && p.key == *key; });
    if (planned != plan.end() && without_units(tensor.shape) == without_units(planned->shape))
      tensor.shape = planned->shape;
  }
}

}  // namespace ferrum
