// What observers share: a backend that passes everything on to another, and is told of each operation.
#pragma once
#include <string>
#include <string_view>
#include <unordered_map>

#include "backend/backend.h"
#include "base/function_ref.h"

namespace ferrum {

// One operation about to run. What it has not is empty or null.
struct OperationCall {
  std::string_view name;  // as Backend names it
  Tensor out = {};
  Tensor in = {};
  const Weight* weight = nullptr;
  const Weight* second_weight = nullptr;  // `down` of the experts
  const Step* step = nullptr;             // of the two attention operations, with …
  const KvLayer* kv = nullptr;
  int experts_per_token = 0;
};

// E.g. "linear [3, 64] × [128, 64] -> [3, 128]".
std::string describe(const OperationCall& call);

class ObservingBackend : public Backend {
 public:
  // `inner` must outlive this, and so must what it packs and allocates.
  explicit ObservingBackend(Backend& inner) : inner_(inner) {}

  std::string name() const override { return inner_.name(); }
  std::unique_ptr<Buffer> allocate(size_t bytes) override { return inner_.allocate(bytes); }
  size_t free_bytes() const override { return inner_.free_bytes(); }
  std::unique_ptr<Weight> pack(const WeightSource& source) override;
  void upload(Tensor dst, std::span<const std::byte> src) override { inner_.upload(dst, src); }
  void download(std::span<std::byte> dst, Tensor src) override { inner_.download(dst, src); }
  void synchronize() override { inner_.synchronize(); }
  // Runs the body each time: an operation that is replayed could not be observed.
  void run(const StepShape& shape, const std::function<void()>& body) override;

  void embed(Tensor out, const Weight& table, Tensor tokens) final;
  void rms_norm(Tensor out, Tensor x, Tensor weight, float eps) final;
  void add_rms_norm(Tensor out, Tensor residual, Tensor x, Tensor weight, float eps) final;
  void linear(Tensor out, Tensor x, const Weight& w) final;
  void swiglu(Tensor out, Tensor x, const Weight& gate_up) final;
  void gather_rows(Tensor out, Tensor x, Tensor rows) final;
  void rope_and_store(Tensor qkv, KvLayer kv, const Step& step, const AttentionLayer& layer) final;
  void attend(Tensor out, Tensor qkv, KvLayer kv, const Step& step, const AttentionLayer& layer) final;
  void copy_blocks(KvLayer kv, Tensor from_to) final;
  void route(Routing out, Tensor router_logits, const RoutingRule& rule) final;
  void experts(Tensor out, Tensor x, const Routing& routing, const Weight& gate_up, const Weight& down) final;

 protected:
  // Must call `operation` once.
  virtual void observe(const OperationCall& call, FunctionRef<void()> operation) = 0;

  Backend& inner() { return inner_; }
  // Stored bytes of one group of a weight that was packed through this backend.
  size_t group_bytes(const Weight& w) const;

 private:
  Backend& inner_;
  std::unordered_map<const Weight*, size_t> group_bytes_;
};

}  // namespace ferrum
