// The base of observers: forwards everything to another backend and observes each operation.
#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

#include "backend/observers/backend_around.h"
#include "base/function_ref.h"

namespace ferrum {

// One operation about to run. Members that do not apply are empty or null.
struct OperationCall {
  std::string_view name;  // the name in Backend
  Tensor out = {};
  Tensor in = {};
  const Weight* weight = nullptr;
  const Weight* second_weight = nullptr;  // `down` of the experts
  const Step* step = nullptr;             // of the two attention operations, with …
  const KvLayer* kv = nullptr;
  int window = 0;  // of `attend`: positions that a token sees; 0: all
  int experts_per_token = 0;
  std::optional<int> layer = {};  // from the names of the weights; nullopt: in no layer
};

// E.g. "linear [3, 64] × [128, 64] -> [3, 128]".
std::string describe(const OperationCall& call);

class ObservingBackend : public BackendAround {
 public:
  using BackendAround::BackendAround;

  std::unique_ptr<Weight> pack(const WeightSource& source) override;
  // Runs the body each time, since a replayed operation could not be observed.
  void run(const StepShape& shape, const std::function<void()>& body) override;

  void embed(Tensor out, const Weight& table, Tensor tokens) final;
  void norm(Tensor out, Tensor x, const Norm& norm) final;
  void add_norm(Tensor out, Tensor residual, Tensor x, float scale, const Norm& norm) final;
  void add(Tensor to, Tensor x, float scale) final;
  void scale(Tensor x, float factor, float cap) final;
  void linear(Tensor out, Tensor x, const Weight& w) final;
  void linear_heads(Tensor out, Tensor x, const Weight& w) final;
  void linear_chosen(Tensor out, Tensor x, const Weight& w, Tensor matrix) final;
  void expand(Tensor out, Tensor x, const Weight& w, const Activation& activation) final;
  void activate(Tensor out, Tensor x, const Activation& activation) final;
  void apply_gate(Tensor x, Tensor gates, GateKind f) final;
  void gather_rows(Tensor out, Tensor x, Tensor rows) final;
  void scatter_rows(Tensor to, Tensor x, Tensor rows) final;
  void add_low_rank(Tensor out, Tensor x, const LowRanks& adapters, const AdapterRows& rows,
                    Tensor room) final;
  void linear_adapted(Tensor out, Tensor x, const Weight& w, const AddedRanks& added) final;
  void expand_adapted(Tensor out, Tensor x, const Weight& w, const Activation& activation,
                      const AddedRanks& added) final;
  void add_low_rank_of_tokens(Tensor out, Tensor tokens, const LowRanks& adapters,
                              const AdapterRows& rows) final;
  void pool(Tensor out, Tensor x, Tensor starts, Pooling how) final;
  void rope_and_store(Tensor qkv, KvLayer kv, const Step& step, const AttentionLayer& layer) final;
  void attend(Tensor out, Tensor qkv, KvLayer kv, const Step& step, const AttentionLayer& layer) final;
  void copy_blocks(KvLayer kv, Tensor from_to) final;
  void convolve(Tensor x, StateLayer state, const Step& step, const Convolution& convolution) final;
  void delta_rule(Tensor out, Tensor x, StateLayer state, const Step& step, const DeltaRule& rule) final;
  void state_space(Tensor out, Tensor x, StateLayer state, const Step& step, const StateSpace& space) final;
  void copy_states(StateLayer state, Tensor from_to) final;
  void route(Routing out, Tensor router_logits, const RoutingRule& rule) final;
  void experts(Tensor out, Tensor x, const Routing& routing, const Weight& up, const Weight& down,
               const Activation& activation) final;
  void draw(const DrawResults& out, Tensor logits, const Draws& draws, int first) final;

 protected:
  // Must call `operation` once.
  virtual void observe(const OperationCall& call, FunctionRef<void()> operation) = 0;

  // The tensors that were packed into a weight, without layer and expert numbers: "attn_q+attn_k+attn_v".
  std::string_view label(const Weight& w) const { return known_.at(&w).label; }
  // The minimum traffic of an operation: the weights that take part, inputs, outputs, keys and values. For
  // experts an upper bound, since several tokens may choose the same.
  double bytes_of(const OperationCall& call);
  // The part of it that comes from memory if no cache holds anything: weights, keys and values.
  double bytes_from_memory(const OperationCall& call);
  // Multiplications and additions of products with weights.
  double arithmetic_of(const OperationCall& call) const;

 private:
  // A weight that was packed through this backend.
  struct Known {
    size_t group_bytes = 0;  // stored size of one group
    std::optional<int> layer;
    std::string label;
  };

  void pass_on(OperationCall call, FunctionRef<void()> operation);

  std::unordered_map<const Weight*, Known> known_;
  std::optional<int> layer_;  // of the last operation
};

}  // namespace ferrum
