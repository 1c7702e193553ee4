// Holds the tensors of a checkpoint against its description: every one the model needs is there and has the
// shape that the description demands.
#pragma once
#include <string>
#include <vector>

#include "checkpoint/model_description.h"
#include "checkpoint/tensor_table.h"

namespace ferrum {

struct CheckedTensors {
  int64_t parameters = 0;          // elements of the weights that the model uses
  std::vector<std::string> extra;  // names of tensors that it does not use
};

// `biased` are the projections that must have a bias. Errors: kBadFile for a missing tensor, with its name
// (B12); kBadConfig for one of another shape, with name, expected and found shape (B13).
CheckedTensors check_tensors(const ModelDescription& model, const TensorTable& table,
                             const std::vector<TensorRole>& biased);

// One warning that lists them, shortened.
void warn_of_extra_tensors(const std::vector<std::string>& extra, const std::string& source);

}  // namespace ferrum
