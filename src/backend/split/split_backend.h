// A device, and the host for those weights that do not fit it. An operation whose weight is on the host is
// computed there: its inputs are copied from the device and its result back, as float32, so that nothing but
// the place changes. Keys, values and all else stay on the device.
//
// A row has the bits that the backend of its weight gives it, so it does not depend on its batch where both
// backends promise that. It does depend on which weights are where: arithmetic() says so.
#pragma once
#include <memory>

#include "backend/device_report.h"
#include "backend/observers/forwarding_backend.h"
#include "backend/split/placement.h"

namespace ferrum {

class SplitBackend final : public ForwardingBackend, public DeviceReport {
 public:
  SplitBackend(std::unique_ptr<Backend> device, std::unique_ptr<Backend> host);
  ~SplitBackend() override;

  // REQUIRES: nothing is packed yet.
  void place(Placement placement) { placement_ = std::move(placement); }
  const Placement& placement() const { return placement_; }
  Backend& host() { return *host_; }

  // The device's; nothing where it makes no report.
  DeviceInfo device() const override;
  uint64_t free_device_memory() const override;
  std::string device_failure() const override;
  std::string refusal_of(const LayerSizes& layer) const override;

  std::string name() const override;
  std::string arithmetic() const override;
  void enter_thread() override;
  std::unique_ptr<Weight> pack(const WeightSource& source) override;
  size_t kernel_memory_for(std::span<const WeightSource> weights) const override;
  size_t growth_of(std::span<const WeightSource> weights) const override;

  void embed(Tensor out, const Weight& table, Tensor tokens) override;
  void linear(Tensor out, Tensor x, const Weight& w) override;
  void linear_heads(Tensor out, Tensor x, const Weight& w) override;
  void linear_chosen(Tensor out, Tensor x, const Weight& w, Tensor matrix) override;
  void expand(Tensor out, Tensor x, const Weight& w, const Activation& activation) override;
  void linear_adapted(Tensor out, Tensor x, const Weight& w, const AddedRanks& added) override;
  void expand_adapted(Tensor out, Tensor x, const Weight& w, const Activation& activation,
                      const AddedRanks& added) override;
  void experts(Tensor out, Tensor x, const Routing& routing, const Weight& up, const Weight& down,
               const Activation& activation) override;

 private:
  std::vector<WeightSource> left_of(std::span<const WeightSource> weights) const;  // for the device

  // Memory of the host for one operand, as much as the largest step has needed so far.
  struct Room {
    std::unique_ptr<Buffer> buffer;
  };
  Tensor tensor(Room& room, DType dtype, int rows, int cols);
  Tensor fetched(Room& room, Tensor on_device);
  // Computes out on the host: `compute` gets where it goes.
  template <class Compute>
  void hand_over(Tensor out, const Compute& compute);

  std::unique_ptr<Backend> device_, host_;
  const DeviceReport* report_;  // the device's, or null
  Placement placement_;
  Room x_, out_, ids_, weights_;
};

}  // namespace ferrum
