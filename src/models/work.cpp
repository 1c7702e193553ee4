#include "models/work.h"

#include <algorithm>
#include <cmath>
#include <set>
#include <vector>

#include "checkpoint/tensor_plan.h"
#include "models/kv_layers.h"
#include "models/state_layers.h"

namespace ferrum {
namespace {

using Part = ModelVolume::Part;
using Role = TensorRole;

Part& part_of(ModelVolume& v, const PlannedTensor& planned, int last_keeping) {
  if (planned.use == TensorUse::kExpert) return v.expert;
  if (planned.key.role == Role::kHead) return v.head;
  return planned.key.layer > last_keeping ? v.tail : v.layers;
}

void add_tensor(Part& part, const HostTensor& tensor, bool is_matrix) {
  part.bytes += tensor.byte_size();
  if (is_matrix) part.parameters += tensor.elements();
}

// A planned tensor as the checkpoint has it: whole, fused with others (which is counted with its first part),
// or a tensor for each expert.
std::vector<const HostTensor*> stored(const Checkpoint& checkpoint, const PlannedTensor& planned,
                                      std::set<const HostTensor*>& counted) {
  std::vector<const HostTensor*> tensors;
  const auto take = [&](const TensorKey& key) {
    const HostTensor* tensor = checkpoint.find(key);
    if (tensor != nullptr && counted.insert(tensor).second) tensors.push_back(tensor);
  };
  take(planned.key);
  if (planned.fused != Role::kEmbedding) take({planned.fused, planned.key.layer, -1, planned.key.is_bias});
  if (planned.use == TensorUse::kExpert)
    for (int e = 0; e < planned.shape.front(); ++e)
      take({planned.key.role, planned.key.layer, e, planned.key.is_bias});
  return tensors;
}

Work weights_work(const ModelVolume& v, int64_t tokens, int64_t outputs) {
  const double distinct = distinct_experts(v.experts, v.active, tokens);
  const auto rows = static_cast<double>(tokens);
  const double active = static_cast<double>(v.layers.parameters) +
                        static_cast<double>(v.active) * static_cast<double>(v.expert.parameters);
  return {.bytes = static_cast<double>(v.layers.bytes + v.tail.bytes + v.head.bytes) +
                   distinct * static_cast<double>(v.expert.bytes) +
                   rows * static_cast<double>(v.embedding_row),
          .operations = 2 * (rows * active + static_cast<double>(outputs) *
                                                 static_cast<double>(v.tail.parameters + v.head.parameters))};
}

// Keys and values of one sequence's `context` in all layers; those with a window see no more than that.
double kv_bytes(const ModelDescription& m, DType kv_dtype, int64_t context) {
  double bytes = 0;
  for (const LayerDescription& layer : m.layers) {
    const int window = layer.attention.window;
    const int64_t positions = window > 0 ? std::min<int64_t>(context, window) : context;
    bytes += static_cast<double>(positions) *
             static_cast<double>(kv_bytes_of_token(head_shape(layer.attention), kv_dtype));
  }
  return bytes;
}

// The states of one sequence are read and left again, whatever its length.
double state_bytes(const ModelDescription& m) { return 2 * static_cast<double>(state_bytes_of_slot(m)); }

}  // namespace

ModelVolume volume_of(const Checkpoint& checkpoint) {
  const ModelDescription& m = checkpoint.model();
  ModelVolume v = {.experts = m.experts(), .active = m.routing.top_k};
  std::set<const HostTensor*> counted;
  const int last_keeping = last_keeping_layer(m);
  for (const PlannedTensor& planned : tensors_of(m)) {
    if (planned.use == TensorUse::kScalars || planned.key.layer >= m.depth()) continue;
    for (const HostTensor* tensor : stored(checkpoint, planned, counted)) {
      if (planned.use == TensorUse::kLookUp) {
        v.embedding_row += row_bytes(tensor->format, static_cast<size_t>(tensor->cols()));
        if (m.tied_head && planned.key.role == Role::kEmbedding) add_tensor(v.head, *tensor, true);
      } else {
        add_tensor(part_of(v, planned, last_keeping), *tensor, planned.use != TensorUse::kVector);
      }
    }
  }
  if (v.experts > 0) {
    v.expert.bytes /= static_cast<uint64_t>(v.experts);
    v.expert.parameters /= v.experts;
  }
  return v;
}

double distinct_experts(int experts, int active, int64_t tokens) {
  if (experts == 0) return 0;
  const double missed_by_one = 1 - static_cast<double>(active) / experts;
  return experts * (1 - std::pow(missed_by_one, static_cast<double>(tokens)));
}

Work& Work::operator+=(const Work& other) {
  bytes += other.bytes;
  operations += other.operations;
  return *this;
}

Work prompt_work(const ModelVolume& volume, const ModelDescription& model, DType kv_dtype, int64_t tokens,
                 int64_t depth) {
  Work work = weights_work(volume, tokens, 1);
  work.bytes += state_bytes(model);
  work.bytes += kv_bytes(model, kv_dtype, depth);  // the step's own keys and values were just written
  return work;
}

Work decode_work(const ModelVolume& volume, const ModelDescription& model, DType kv_dtype, int64_t sequences,
                 int64_t context) {
  Work work = weights_work(volume, sequences, sequences);
  work.bytes += static_cast<double>(sequences) * (kv_bytes(model, kv_dtype, context) + state_bytes(model));
  return work;
}

}  // namespace ferrum
