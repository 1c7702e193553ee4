// The base of backends that change a few operations of another one: forwards everything.
#pragma once
#include "backend/backend.h"

namespace ferrum {

class ForwardingBackend : public Backend {
 public:
  // `inner` must outlive this object.
  explicit ForwardingBackend(Backend& inner) : inner_(inner) {}

  std::string name() const override { return inner_.name(); }
  std::string arithmetic() const override { return inner_.arithmetic(); }
  void enter_thread() override { inner_.enter_thread(); }
  bool works_ahead() const override { return inner_.works_ahead(); }
  std::unique_ptr<Buffer> allocate(size_t bytes) override { return inner_.allocate(bytes); }
  size_t free_bytes() const override { return inner_.free_bytes(); }
  KvLayout kv_layout() const override { return inner_.kv_layout(); }
  std::unique_ptr<Weight> pack(const WeightSource& source) override { return inner_.pack(source); }
  size_t kernel_memory() const override { return inner_.kernel_memory(); }
  size_t kernel_memory_for(std::span<const WeightSource> weights) const override {
    return inner_.kernel_memory_for(weights);
  }
  void upload(Tensor dst, std::span<const std::byte> src) override { inner_.upload(dst, src); }
  void download(std::span<std::byte> dst, Tensor src) override { inner_.download(dst, src); }
  void synchronize() override { inner_.synchronize(); }
  void run(const StepShape& shape, const std::function<void()>& body) override { inner_.run(shape, body); }

  void embed(Tensor out, const Weight& table, Tensor tokens) override { inner_.embed(out, table, tokens); }
  void norm(Tensor out, Tensor x, const Norm& norm) override { inner_.norm(out, x, norm); }
  void add_norm(Tensor out, Tensor residual, Tensor x, float scale, const Norm& norm) override {
    inner_.add_norm(out, residual, x, scale, norm);
  }
  void add(Tensor to, Tensor x, float scale) override { inner_.add(to, x, scale); }
  void scale(Tensor x, float factor, float cap) override { inner_.scale(x, factor, cap); }
  void linear(Tensor out, Tensor x, const Weight& w) override { inner_.linear(out, x, w); }
  void linear_heads(Tensor out, Tensor x, const Weight& w) override { inner_.linear_heads(out, x, w); }
  void linear_chosen(Tensor out, Tensor x, const Weight& w, Tensor matrix) override {
    inner_.linear_chosen(out, x, w, matrix);
  }
  void expand(Tensor out, Tensor x, const Weight& w, const Activation& activation) override {
    inner_.expand(out, x, w, activation);
  }
  void activate(Tensor out, Tensor x, const Activation& activation) override {
    inner_.activate(out, x, activation);
  }
  void apply_gate(Tensor x, Tensor gates, GateKind f) override { inner_.apply_gate(x, gates, f); }
  void gather_rows(Tensor out, Tensor x, Tensor rows) override { inner_.gather_rows(out, x, rows); }
  void scatter_rows(Tensor to, Tensor x, Tensor rows) override { inner_.scatter_rows(to, x, rows); }
  void pool(Tensor out, Tensor x, Tensor starts, Pooling how) override { inner_.pool(out, x, starts, how); }
  void add_low_rank(Tensor out, Tensor x, const LowRanks& adapters, const AdapterRows& rows,
                    Tensor room) override {
    inner_.add_low_rank(out, x, adapters, rows, room);
  }
  void add_low_rank_of_tokens(Tensor out, Tensor tokens, const LowRanks& adapters,
                              const AdapterRows& rows) override {
    inner_.add_low_rank_of_tokens(out, tokens, adapters, rows);
  }
  void rope_and_store(Tensor qkv, KvLayer kv, const Step& step, const AttentionLayer& layer) override {
    inner_.rope_and_store(qkv, kv, step, layer);
  }
  void attend(Tensor out, Tensor qkv, KvLayer kv, const Step& step, const AttentionLayer& layer) override {
    inner_.attend(out, qkv, kv, step, layer);
  }
  void copy_blocks(KvLayer kv, Tensor from_to) override { inner_.copy_blocks(kv, from_to); }
  void convolve(Tensor x, StateLayer state, const Step& step, const Convolution& convolution) override {
    inner_.convolve(x, state, step, convolution);
  }
  void delta_rule(Tensor out, Tensor x, StateLayer state, const Step& step, const DeltaRule& rule) override {
    inner_.delta_rule(out, x, state, step, rule);
  }
  void state_space(Tensor out, Tensor x, StateLayer state, const Step& step,
                   const StateSpace& space) override {
    inner_.state_space(out, x, state, step, space);
  }
  void copy_states(StateLayer state, Tensor from_to) override { inner_.copy_states(state, from_to); }
  void route(Routing out, Tensor router_logits, const RoutingRule& rule) override {
    inner_.route(out, router_logits, rule);
  }
  void experts(Tensor out, Tensor x, const Routing& routing, const Weight& up, const Weight& down,
               const Activation& activation) override {
    inner_.experts(out, x, routing, up, down, activation);
  }
  void draw(const DrawResults& out, Tensor logits, const Draws& draws, int first) override {
    inner_.draw(out, logits, draws, first);
  }

 protected:
  Backend& inner() { return inner_; }

 private:
  Backend& inner_;
};

}  // namespace ferrum
