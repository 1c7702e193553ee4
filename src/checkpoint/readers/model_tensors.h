// Checks the tensors of a checkpoint against the plan of its description: every tensor that the model needs
// is there and has the shape that the description demands, and none is there that it does not know.
#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "checkpoint/checkpoint.h"
#include "checkpoint/model_description.h"
#include "checkpoint/tensor_table.h"

namespace ferrum {

struct CheckedTensors {
  int64_t parameters = 0;           // elements of the weights that the model uses
  std::vector<std::string> unused;  // names of tensors that are known and not of the text model
};

// Errors: kBadFile for a missing tensor, with its name (B12); kBadConfig for one of another shape, with name,
// expected and found shape (B13); kUnsupported for tensors that the plan has no place for.
CheckedTensors check_tensors(const ModelDescription& model, const TensorTable& table);

// Whether a tensor may stay unused: of another modality, of a head that predicts further tokens, or one that
// the architecture lists.
bool is_ignored_tensor(const ModelDescription& model, const TensorTable& table, std::string_view name);

// Whether the model uses a Hugging Face tensor of this name, or a part of a quantised one.
bool uses_hf_tensor(const ModelDescription& model, std::string_view name);

// Settles whether the head is the embedding table where config.json says so (`model.tied_head`), as
// transformers 5 does: not where both are stored with different values, which is a warning; and where the
// head alone is stored, it is the embedding table too. Reads both where both are stored.
void settle_tied_head(ModelDescription& model, TensorTable& table);

// Describes the MTP head unless it is to be left out, and gives its tensors their roles where files call them
// "mtp.…". Reads its embedding table and head, where it has them, to see whether they are copies of the
// model's. Error kBadArgument where one is demanded and the checkpoint has none.
void describe_mtp(CheckpointParts::Wish wish, ModelDescription& model, TensorTable& table);

// One line that lists them, shortened.
void tell_unused_tensors(const std::vector<std::string>& unused, const std::string& source);

}  // namespace ferrum
