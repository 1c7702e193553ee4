// The CPU as a device: host memory, a thread pool, and kernels for the instruction set chosen at start.
//
// Every operation is complete when it returns. The order of sums depends on shapes alone, so results are
// bit-identical for any batch, chunking and number of threads; they differ between instruction sets.
#pragma once
#include <optional>

#include "backend/backend.h"
#include "backend/cpu/kernel_memory.h"
#include "backend/kv_lanes.h"
#include "base/cpu_features.h"
#include "base/function_ref.h"
#include "base/thread_pool.h"

namespace ferrum {

namespace cpu {
class RankSums;
}

struct CpuOptions {
  int threads = 0;                        // 0: default_thread_count()
  std::optional<Isa> isa = std::nullopt;  // nullopt: selected_isa(), which is FERRUM_CPU_ISA or the best
  cpu::Activations activations = cpu::Activations::kInt8;
};

class CpuBackend final : public Backend {
 public:
  // Throws as choose_isa does, also for an isa given here that the CPU lacks.
  explicit CpuBackend(const CpuOptions& options = {});

  std::string name() const override;  // e.g. "cpu (avx512, 2 threads, int8 activations)"
  std::string arithmetic() const override;
  // Binds the thread to the first core where the pool fills all cores and has bound its workers to the
  // others.
  void enter_thread() override;
  bool works_ahead() const override { return false; }
  Isa isa() const { return isa_; }
  int threads() const { return pool_.size(); }

  std::unique_ptr<Buffer> allocate(size_t bytes) override;
  size_t free_bytes() const override;
  KvLayout kv_layout() const override { return kv_in_lanes; }
  // Reads the source's bytes in place. Also sizes the backend's own memory for the weight's width.
  std::unique_ptr<Weight> pack(const WeightSource& source) override;
  size_t kernel_memory() const override;
  size_t kernel_memory_for(std::span<const WeightSource> weights) const override;
  size_t growth_of(std::span<const WeightSource> weights) const override;
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
  void linear_adapted(Tensor out, Tensor x, const Weight& w, const AddedRanks& added) override;
  void expand_adapted(Tensor out, Tensor x, const Weight& w, const Activation& activation,
                      const AddedRanks& added) override;
  // Where inputs are rounded, so may be what adapters multiply them with: half as much is read.
  DType low_rank_dtype() const override {
    return activations_ == cpu::Activations::kFloat32 ? DType::kF32 : DType::kF16;
  }
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

 private:
  // An expanding weight and its activation.
  struct Expansion {
    const cpu::CpuWeight& w;
    const Activation& activation;

    int panels() const { return activation.gated ? w.panels() / 2 : w.panels(); }  // of the result
    int width() const { return activation.gated ? w.rows() / 2 : w.rows(); }
  };

  // Rows of x, at most kMaxBatch, as inputs of w, in `memory`.
  // Also makes the inner products of what is added; null: nothing is.
  cpu::Inputs inputs_of(Tensor x, const cpu::CpuWeight& w, const cpu::InputArray& memory,
                        const cpu::RankSums* added = nullptr);
  // Writes the products of panels to the columns of `out` that are the panels' rows, or the activation of
  // them: of the panels of gate and up, if it is gated.
  void multiply_to(Tensor out, const cpu::CpuWeight& w, int group, Range panels, const cpu::Inputs& inputs,
                   int worker, const cpu::RankSums* added = nullptr) const;
  void expand_to(Tensor out, const Expansion& by, int group, Range panels, const cpu::Inputs& inputs,
                 int worker, const cpu::RankSums* added = nullptr) const;
  // linear() and expand() of all rows, with or without what adapters add.
  void multiply(Tensor out, Tensor x, const Weight& w, const AddedRanks* added);
  void multiply_and_activate(Tensor out, Tensor x, const Weight& w, const Activation& activation,
                             const AddedRanks* added);
  template <class Body>
  void each_block(Tensor x, const AddedRanks* added, const Body& body) const;
  void experts_of_batch(Tensor out, Tensor x, const Routing& routing, const Expansion& up,
                        const cpu::CpuWeight& down);
  template <class Body>
  void each_batch(const Body& body) const;
  void gather_inputs(const cpu::Inputs& tokens, int cols);
  // Prepares the input of each slot for its expert's matrix of w.
  void take_slots(FunctionRef<Tensor(int)> row_of_slot, const cpu::CpuWeight& w, const cpu::InputArray& to);

  Isa isa_;
  const cpu::Kernels& kernels_;
  ThreadPool pool_;
  cpu::PageArena weights_;
  cpu::Activations activations_;
  cpu::KernelMemory memory_;
};

}  // namespace ferrum
