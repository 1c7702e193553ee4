// An NVIDIA GPU as a device: kernels of our own (kernels/), launched on one stream through the driver.
//
// Products multiply bf16 on tensor cores and add up in float32; inputs are rounded to bf16, or are the sum of
// two of these. All else is float32. How a sum is split and in which order it is added depends on the shapes
// of weights and on absolute positions, so a row's bits do not depend on its batch.
#pragma once
#include <memory>

#include "backend/backend.h"
#include "backend/cuda/cuda_weight.h"
#include "backend/cuda/kernels/multiply.h"
#include "backend/cuda/kernels/rows.h"
#include "backend/cuda/staging.h"
#include "backend/cuda/step_graphs.h"
#include "backend/cuda/workspace.h"
#include "backend/device_report.h"
#include "backend/kv_lanes.h"

namespace ferrum {

struct CudaOptions {
  int device = 0;
  int input_parts = 1;  // bf16 numbers that an input of a product becomes: 1, or 2
  int threads = 0;      // that pack weights; 0: default_thread_count()
  // Bytes for the steps within an operation, which are done in pieces that fit. 0: by the device's memory.
  size_t workspace = 0;
  bool clears_memory =
      true;  // what allocate() gives is zeros; tests want reads of what was never written to show
};

class CudaBackend final : public Backend, public DeviceReport {
 public:
  // Error kUnsupported without a driver, a device or device code for it; kBadArgument for a number of no
  // device.
  explicit CudaBackend(const CudaOptions& options);
  CudaBackend(const CudaOptions& options, const cuda::Driver& driver, std::span<const void* const> images);
  ~CudaBackend() override;

  std::string name() const override;  // "cuda (NVIDIA H200, bf16 activations)"
  std::string arithmetic() const override;
  void enter_thread() override { device_.enter(); }
  bool works_ahead() const override { return true; }
  DeviceInfo device() const override;
  uint64_t free_device_memory() const override { return device_.free_bytes(); }
  std::string device_failure() const override { return device_.failure(); }
  std::string refusal_of(const LayerSizes& layer) const override;

  std::unique_ptr<Buffer> allocate(size_t bytes) override;
  size_t free_bytes() const override { return device_.free_bytes(); }
  KvLayout kv_layout() const override { return kv_in_lanes; }
  std::unique_ptr<Weight> pack(const WeightSource& source) override;
  size_t kernel_memory() const override { return workspace_.bytes(); }
  size_t kernel_memory_for(std::span<const WeightSource> weights) const override;
  size_t growth_of(std::span<const WeightSource> weights) const override;
  void upload(Tensor dst, std::span<const std::byte> src) override;
  void download(std::span<std::byte> dst, Tensor src) override;
  std::unique_ptr<Landing> landing(size_t bytes) override;
  void synchronize() override;
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

 private:
  // Rows of an input as a product takes them, and where they go.
  struct Positions {
    int count;
    const int* rows = nullptr;      // of x
    const int* out_rows = nullptr;  // of out
    const int* groups = nullptr;    // of each tile
    int tile;                       // positions of a block: 8, 32 or 64
    int heads = 1;
  };
  // Positions that sort rows by the matrix they are multiplied with.
  struct Sorted {
    int positions, tiles, tile;
    int *rows, *groups, *place;  // place: the position of each pair
  };

  template <class Params>
  void launch(std::string_view kernel, cuda::Grid grid, int threads, const Params& params,
              int shared_bytes = 0) {
    Params exact = params;
#if __has_builtin(__builtin_clear_padding)
    __builtin_clear_padding(&exact);  // the same launch has the same bytes
#endif
    if (graphs_.is_recording())
      graphs_.add(kernel, grid, threads, shared_bytes, &exact, sizeof exact);
    else
      device_.launch(kernel, grid, threads, shared_bytes, &exact);
  }
  void multiply(Tensor out, Tensor x, const cuda::CudaWeight& w, const Positions& positions, cuda::Room room);
  size_t fragment_bytes(int positions, int units) const;
  int rows_that_fit(size_t bytes_of_row) const;
  size_t sorted_bytes(int pairs, int groups) const;
  Sorted sort(Tensor ids, int groups, cuda::Room& room);
  void experts_of_batch(Tensor out, Tensor x, const Routing& routing, const cuda::CudaWeight& up,
                        const cuda::CudaWeight& down, const Activation& activation);
  std::string refusal_of_heads(const HeadShape& heads, DType kv) const;
  void require(const LayerSizes& layer) const;  // Error kUnsupported with the refusal
  void leave_graph();                           // before work that none can hold
  void copy_parts(Tensor parts, int count, Tensor from_to);
  size_t least_workspace(const WeightSource& source) const;

  const CudaOptions options_;
  mutable cuda::Device device_;
  ThreadPool pool_;
  cuda::Staging staging_;
  cuda::Workspace workspace_;
  cuda::StepGraphs graphs_;
};

}  // namespace ferrum
