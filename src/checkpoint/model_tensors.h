// Checks the tensors of a checkpoint against its description: every tensor that the model needs is there and
// has the shape that the description demands.
#pragma once
#include <string>
#include <string_view>
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

// Whether the model uses a Hugging Face tensor of this name, or a part of a quantised one.
bool uses_hf_tensor(const ModelDescription& model, std::string_view name);

// Settles whether the head is the embedding table where config.json says so (`model.tied_head`), as
// transformers 5 does: not where both are stored with different values, which is a warning; and where the
// head alone is stored, it is the embedding table too. Reads both where both are stored.
void settle_tied_head(ModelDescription& model, TensorTable& table);

// One warning that lists them, shortened.
void warn_of_extra_tensors(const std::vector<std::string>& extra, const std::string& source);

}  // namespace ferrum
