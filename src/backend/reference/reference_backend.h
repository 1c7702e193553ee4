// The specification of every operation, in scalar code: no SIMD, no threads, nothing clever. Every other
// backend is tested against this one, and this one against the goldens.
//
// Values are stored in float32 and summed in double, so that the oracle's own rounding is negligible.
#pragma once
#include "backend/backend.h"
#include "backend/kv_lanes.h"

namespace ferrum {

class ReferenceBackend final : public Backend {
 public:
  std::string name() const override { return "reference"; }
  std::string arithmetic() const override { return "reference"; }
  void enter_thread() override {}
  bool works_ahead() const override { return false; }

  std::unique_ptr<Buffer> allocate(size_t bytes) override;
  size_t free_bytes() const override;
  KvLayout kv_layout() const override { return kv_in_lanes; }
  std::unique_ptr<Weight> pack(const WeightSource& source) override;
  size_t kernel_memory() const override { return 0; }
  size_t kernel_memory_for(std::span<const WeightSource>) const override { return 0; }
  size_t growth_of(std::span<const WeightSource>) const override { return 0; }
  void upload(Tensor dst, std::span<const std::byte> src) override;
  void download(std::span<std::byte> dst, Tensor src) override;
  std::unique_ptr<Landing> landing(size_t bytes) override { return std::make_unique<HostLanding>(bytes); }
  void synchronize() override {}
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
  void draw(const DrawResults& out, Tensor logits, const Draws& draws, int first) override;
};

}  // namespace ferrum
