#include "models/work.h"

#include <algorithm>
#include <cmath>
#include <initializer_list>

#include "models/loader.h"

namespace ferrum {
namespace {

using Part = ModelVolume::Part;
using Role = TensorRole;

constexpr Role kOfEveryToken[] = {Role::kAttentionNorm, Role::kQuery,     Role::kKey,     Role::kValue,
                                  Role::kQueryKeyValue, Role::kQueryNorm, Role::kKeyNorm, Role::kFfnNorm,
                                  Role::kAttentionOut,  Role::kGate,      Role::kUp,      Role::kGateUp,
                                  Role::kDown,          Role::kRouter};
constexpr Role kOfExperts[] = {Role::kExpertGate, Role::kExpertUp, Role::kExpertGateUp, Role::kExpertDown};

void add_tensor(Part& part, const Checkpoint& checkpoint, const TensorKey& key) {
  const HostTensor* tensor = checkpoint.find(key);
  if (tensor == nullptr) return;
  part.bytes += tensor->byte_size();
  if (tensor->shape.size() > 1) part.parameters += tensor->elements();
}

void add_with_bias(Part& part, const Checkpoint& checkpoint, TensorKey key) {
  add_tensor(part, checkpoint, key);
  key.is_bias = true;
  add_tensor(part, checkpoint, key);
}

// All experts of a layer, whether in one tensor or in a tensor for each.
Part experts_of_layer(const Checkpoint& checkpoint, int layer) {
  Part part;
  for (const Role role : kOfExperts) {
    add_tensor(part, checkpoint, {role, layer});
    for (int e = 0; e < checkpoint.model().experts; ++e) add_tensor(part, checkpoint, {role, layer, e});
  }
  return part;
}

Work weights_work(const ModelVolume& v, int64_t tokens, int64_t outputs) {
  const double distinct = distinct_experts(v.experts, v.active, tokens);
  const auto rows = static_cast<double>(tokens);
  const double active = static_cast<double>(v.layers.parameters) +
                        static_cast<double>(v.active) * static_cast<double>(v.expert.parameters);
  return {.bytes = static_cast<double>(v.layers.bytes) + static_cast<double>(v.head.bytes) +
                   distinct * static_cast<double>(v.expert.bytes) +
                   rows * static_cast<double>(v.embedding_row),
          .operations =
              2 * (rows * active + static_cast<double>(outputs) * static_cast<double>(v.head.parameters))};
}

// Keys and values of one sequence's `context` in all layers; those with a window see no more than that.
double kv_bytes(const ModelDescription& m, DType kv_dtype, int64_t context) {
  int64_t positions = 0;
  for (int i = 0; i < m.layers; ++i)
    positions += m.sliding_layers[i] ? std::min<int64_t>(context, m.window) : context;
  return static_cast<double>(positions) *
         static_cast<double>(kv_bytes_of_token(decoder_config(m).heads, kv_dtype));
}

}  // namespace

ModelVolume volume_of(const Checkpoint& checkpoint) {
  const ModelDescription& m = checkpoint.model();
  ModelVolume v = {.experts = m.experts, .active = m.experts_per_token};
  Part all_experts;
  for (int i = 0; i < m.layers; ++i) {
    for (const Role role : kOfEveryToken) add_with_bias(v.layers, checkpoint, {role, i});
    if (!m.moe_layers[i]) continue;
    const Part part = experts_of_layer(checkpoint, i);
    all_experts.bytes += part.bytes;
    all_experts.parameters += part.parameters;
  }
  if (m.experts > 0)
    v.expert = {all_experts.bytes / static_cast<uint64_t>(m.experts), all_experts.parameters / m.experts};
  add_tensor(v.layers, checkpoint, {Role::kFinalNorm});
  add_with_bias(v.head, checkpoint, {m.tied_head ? Role::kEmbedding : Role::kHead});
  if (const HostTensor* table = checkpoint.find({Role::kEmbedding}))
    v.embedding_row = row_bytes(table->format, static_cast<size_t>(table->cols()));
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
  work.bytes += kv_bytes(model, kv_dtype, depth);  // the step's own keys and values were just written
  return work;
}

Work decode_work(const ModelVolume& volume, const ModelDescription& model, DType kv_dtype, int64_t sequences,
                 int64_t context) {
  Work work = weights_work(volume, sequences, sequences);
  work.bytes += static_cast<double>(sequences) * kv_bytes(model, kv_dtype, context);
  return work;
}

}  // namespace ferrum
