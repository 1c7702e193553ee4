// Runs every operation twice: on the backend under test, and on the reference with the same inputs, read from
// the device. So each operation is checked by itself, and an error is reported where it arises.
//
// For debugging, not for serving: everything that an operation touches, including whole caches, is copied to
// the host before and after it.
#pragma once
#include <initializer_list>
#include <memory>
#include <stdexcept>
#include <vector>

#include "backend/observers/backend_around.h"
#include "backend/reference/reference_backend.h"

namespace ferrum {

// The largest allowed |difference|, in units of the root mean square of the reference's output.
struct CheckTolerances {
  double rounded = 1e-4;  // norms, rotations, attention over float32, routing weights, embeddings
  double half = 0.03;     // keys and values stored in 16 bits: a step of bf16 at 4 to 8 times the r.m.s.
  double product = 1e-4;  // linear, expand. With inputs quantised to bytes: kQuantizedProduct
  double experts = 1e-4;  // two products, one behind the other: twice as much
};
inline constexpr double kQuantizedProduct = 0.06;

struct Disagreement {
  std::string operation;  // "#17 linear [3, 64] × [128, 64] -> [3, 128]", numbered from 0
  std::string output;     // the tensor: "out", "residual", "qkv", "k", …
  int row = 0;            // the first element outside the tolerance
  int col = 0;
  float expected = 0;
  float actual = 0;
  double allowed = 0;

  std::string message() const;
};

class CheckFailure : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

class CheckingBackend final : public BackendAround {
 public:
  enum class OnDisagreement { kThrow, kCollect, kLog };

  // `inner` must outlive this object. kThrow: throws CheckFailure with the message at once. kLog: logs the
  // first few as errors.
  CheckingBackend(Backend& inner, OnDisagreement on_disagreement, const CheckTolerances& tolerances = {});

  // The same, with a backend of its own.
  CheckingBackend(std::unique_ptr<Backend> inner, OnDisagreement on_disagreement,
                  const CheckTolerances& tolerances = {});

  const std::vector<Disagreement>& disagreements() const { return disagreements_; }
  int operations() const { return operations_; }

  std::string name() const override { return BackendAround::name() + ", checked"; }
  std::unique_ptr<Weight> pack(const WeightSource& source) override;
  void run(const StepShape& shape, const std::function<void()>& body) override;

  void embed(Tensor out, const Weight& table, Tensor tokens) override;
  void norm(Tensor out, Tensor x, const Norm& norm) override;
  void add_norm(Tensor out, Tensor residual, Tensor x, float scale, const Norm& norm) override;
  void add(Tensor to, Tensor x, float scale) override;
  void scale(Tensor x, float factor, float cap) override;
  void linear(Tensor out, Tensor x, const Weight& w) override;
  void linear_heads(Tensor out, Tensor x, const Weight& w) override;
  void linear_chosen(Tensor out, Tensor x, const Weight& w, Tensor matrix) override;
  void expand(Tensor out, Tensor x, const Weight& w, const Activation& activation) override;
  void activate(Tensor out, Tensor x, const Activation& activation) override;
  void apply_gate(Tensor x, Tensor gates, GateKind f) override;
  void gather_rows(Tensor out, Tensor x, Tensor rows) override;
  void scatter_rows(Tensor to, Tensor x, Tensor rows) override;
  void add_low_rank(Tensor out, Tensor x, const LowRanks& adapters, const AdapterRows& rows,
                    Tensor room) override;
  void linear_adapted(Tensor out, Tensor x, const Weight& w, const AddedRanks& added) override;
  void expand_adapted(Tensor out, Tensor x, const Weight& w, const Activation& activation,
                      const AddedRanks& added) override;
  void add_low_rank_of_tokens(Tensor out, Tensor tokens, const LowRanks& adapters,
                              const AdapterRows& rows) override;
  void pool(Tensor out, Tensor x, Tensor starts, Pooling how) override;
  void rope_and_store(Tensor qkv, KvLayer kv, const Step& step, const AttentionLayer& layer) override;
  void attend(Tensor out, Tensor qkv, KvLayer kv, const Step& step, const AttentionLayer& layer) override;
  void copy_blocks(KvLayer kv, Tensor from_to) override;
  void convolve(Tensor x, StateLayer state, const Step& step, const Convolution& convolution) override;
  void delta_rule(Tensor out, Tensor x, StateLayer state, const Step& step, const DeltaRule& rule) override;
  void state_space(Tensor out, Tensor x, StateLayer state, const Step& step,
                   const StateSpace& space) override;
  void copy_states(StateLayer state, Tensor from_to) override;
  void route(Routing out, Tensor router_logits, const RoutingRule& rule) override;
  void experts(Tensor out, Tensor x, const Routing& routing, const Weight& up, const Weight& down,
               const Activation& activation) override;
  // A random number within a rounding of the border between two tokens may give either: one draw in a
  // million.
  void draw(const DrawResults& out, Tensor logits, const Draws& draws, int first) override;

 private:
  struct Output {
    const char* name;
    Tensor device;
    Tensor expected;
    double tolerance;
  };

  // Copies to the host what an operation reads and writes, in its current state. The copies live until
  // finish().
  Tensor host(Tensor device);
  Step host(const Step& step);
  Norm host(const Norm& norm);
  AttentionLayer host(const AttentionLayer& layer);
  LowRanks host(const LowRanks& adapters);
  AdapterRows host(const AdapterRows& rows) {
    return {host(rows.slots), host(rows.scales), host(rows.matrix), rows.matrices, host(rows.order)};
  }
  KvLayer host(const KvLayer& kv) {
    return {host(kv.k),        host(kv.v),        kv.block_tokens, kv.group,
            host(kv.k_scales), host(kv.v_scales), kv.blocks};
  }
  // Compares the device's results with the reference's results on the copies.
  void finish(const std::string& what, std::initializer_list<Output> outputs);
  void compare(const std::string& operation, const Output& output);
  void take(Disagreement disagreement);

  std::unique_ptr<Backend> owned_;
  OnDisagreement on_disagreement_;
  CheckTolerances tolerances_;
  ReferenceBackend reference_;
  std::vector<std::unique_ptr<std::byte[]>> copies_;
  std::vector<Disagreement> disagreements_;
  int operations_ = 0;
  int logged_ = 0;
};

}  // namespace ferrum
