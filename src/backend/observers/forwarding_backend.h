// The base of backends that change a few operations of another one: forwards all.
#pragma once
#include "backend/observers/backend_around.h"

namespace ferrum {

class ForwardingBackend : public BackendAround {
 public:
  using BackendAround::BackendAround;

  std::unique_ptr<Weight> pack(const WeightSource& source) override { return inner().pack(source); }
  void run(const StepShape& shape, const std::function<void()>& body) override { inner().run(shape, body); }

  void embed(Tensor out, const Weight& table, Tensor tokens) override { inner().embed(out, table, tokens); }
  void norm(Tensor out, Tensor x, const Norm& norm) override { inner().norm(out, x, norm); }
  void add_norm(Tensor out, Tensor residual, Tensor x, float scale, const Norm& norm) override {
    inner().add_norm(out, residual, x, scale, norm);
  }
  void add(Tensor to, Tensor x, float scale) override { inner().add(to, x, scale); }
  void scale(Tensor x, float factor, float cap) override { inner().scale(x, factor, cap); }
  void linear(Tensor out, Tensor x, const Weight& w) override { inner().linear(out, x, w); }
  void linear_heads(Tensor out, Tensor x, const Weight& w) override { inner().linear_heads(out, x, w); }
  void linear_chosen(Tensor out, Tensor x, const Weight& w, Tensor matrix) override {
    inner().linear_chosen(out, x, w, matrix);
  }
  void expand(Tensor out, Tensor x, const Weight& w, const Activation& activation) override {
    inner().expand(out, x, w, activation);
  }
  void activate(Tensor out, Tensor x, const Activation& activation) override {
    inner().activate(out, x, activation);
  }
  void apply_gate(Tensor x, Tensor gates, GateKind f) override { inner().apply_gate(x, gates, f); }
  void gather_rows(Tensor out, Tensor x, Tensor rows) override { inner().gather_rows(out, x, rows); }
  void scatter_rows(Tensor to, Tensor x, Tensor rows) override { inner().scatter_rows(to, x, rows); }
  void pool(Tensor out, Tensor x, Tensor starts, Pooling how) override { inner().pool(out, x, starts, how); }
  void add_low_rank(Tensor out, Tensor x, const LowRanks& adapters, const AdapterRows& rows,
                    Tensor room) override {
    inner().add_low_rank(out, x, adapters, rows, room);
  }
  void linear_adapted(Tensor out, Tensor x, const Weight& w, const AddedRanks& added) override {
    inner().linear_adapted(out, x, w, added);
  }
  void expand_adapted(Tensor out, Tensor x, const Weight& w, const Activation& activation,
                      const AddedRanks& added) override {
    inner().expand_adapted(out, x, w, activation, added);
  }
  void add_low_rank_of_tokens(Tensor out, Tensor tokens, const LowRanks& adapters,
                              const AdapterRows& rows) override {
    inner().add_low_rank_of_tokens(out, tokens, adapters, rows);
  }
  void rope_and_store(Tensor qkv, KvLayer kv, const Step& step, const AttentionLayer& layer) override {
    inner().rope_and_store(qkv, kv, step, layer);
  }
  void attend(Tensor out, Tensor qkv, KvLayer kv, const Step& step, const AttentionLayer& layer) override {
    inner().attend(out, qkv, kv, step, layer);
  }
  void copy_blocks(KvLayer kv, Tensor from_to) override { inner().copy_blocks(kv, from_to); }
  void convolve(Tensor x, StateLayer state, const Step& step, const Convolution& convolution) override {
    inner().convolve(x, state, step, convolution);
  }
  void delta_rule(Tensor out, Tensor x, StateLayer state, const Step& step, const DeltaRule& rule) override {
    inner().delta_rule(out, x, state, step, rule);
  }
  void state_space(Tensor out, Tensor x, StateLayer state, const Step& step,
                   const StateSpace& space) override {
    inner().state_space(out, x, state, step, space);
  }
  void copy_states(StateLayer state, Tensor from_to) override { inner().copy_states(state, from_to); }
  void route(Routing out, Tensor router_logits, const RoutingRule& rule) override {
    inner().route(out, router_logits, rule);
  }
  void experts(Tensor out, Tensor x, const Routing& routing, const Weight& up, const Weight& down,
               const Activation& activation) override {
    inner().experts(out, x, routing, up, down, activation);
  }
  void draw(const DrawResults& out, Tensor logits, const Draws& draws, int first) override {
    inner().draw(out, logits, draws, first);
  }
};

}  // namespace ferrum
