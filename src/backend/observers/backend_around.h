// The base of backends around another one. What concerns the device itself is the other's; operations are for
// the derived class, which cannot forget one.
#pragma once
#include "backend/backend.h"

namespace ferrum {

class BackendAround : public Backend {
 public:
  // `inner` must outlive this object, and so must what it packs and allocates.
  explicit BackendAround(Backend& inner) : inner_(inner) {}

  std::string name() const override { return inner_.name(); }
  std::string arithmetic() const override { return inner_.arithmetic(); }
  DType low_rank_dtype() const override { return inner_.low_rank_dtype(); }
  void enter_thread() override { inner_.enter_thread(); }
  bool works_ahead() const override { return inner_.works_ahead(); }
  std::unique_ptr<Buffer> allocate(size_t bytes) override { return inner_.allocate(bytes); }
  size_t free_bytes() const override { return inner_.free_bytes(); }
  KvLayout kv_layout() const override { return inner_.kv_layout(); }
  size_t kernel_memory() const override { return inner_.kernel_memory(); }
  size_t kernel_memory_for(std::span<const WeightSource> weights) const override {
    return inner_.kernel_memory_for(weights);
  }
  size_t growth_of(std::span<const WeightSource> weights) const override { return inner_.growth_of(weights); }
  void upload(Tensor dst, std::span<const std::byte> src) override { inner_.upload(dst, src); }
  void download(std::span<std::byte> dst, Tensor src) override { inner_.download(dst, src); }
  std::unique_ptr<Landing> landing(size_t bytes) override { return inner_.landing(bytes); }
  void synchronize() override { inner_.synchronize(); }

 protected:
  Backend& inner() { return inner_; }

 private:
  Backend& inner_;
};

}  // namespace ferrum
