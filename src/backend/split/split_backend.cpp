#include "backend/split/split_backend.h"

#include <fmt/core.h>

#include "base/check.h"

namespace ferrum {
namespace {

class HostWeight final : public Weight {
 public:
  HostWeight(const WeightSource& source, std::unique_ptr<Weight> on_host)
      : Weight(source), on_host_(std::move(on_host)) {}
  const Weight& on_host() const { return *on_host_; }

 private:
  std::unique_ptr<Weight> on_host_;
};

// Null: it is on the device.
const Weight* on_host(const Weight& w) {
  const auto* const of_host = dynamic_cast<const HostWeight*>(&w);
  return of_host == nullptr ? nullptr : &of_host->on_host();
}

std::span<std::byte> bytes_of(Tensor t) { return {static_cast<std::byte*>(t.data), t.bytes()}; }

}  // namespace

SplitBackend::SplitBackend(std::unique_ptr<Backend> device, std::unique_ptr<Backend> host)
    : ForwardingBackend(*device),
      device_(std::move(device)),
      host_(std::move(host)),
      report_(dynamic_cast<const DeviceReport*>(device_.get())) {}

SplitBackend::~SplitBackend() = default;

DeviceInfo SplitBackend::device() const { return report_ == nullptr ? DeviceInfo() : report_->device(); }
uint64_t SplitBackend::free_device_memory() const {
  return report_ == nullptr ? 0 : report_->free_device_memory();
}
std::string SplitBackend::device_failure() const {
  return report_ == nullptr ? std::string() : report_->device_failure();
}

std::string SplitBackend::refusal_of(const LayerSizes& layer) const {
  return report_ == nullptr ? std::string() : report_->refusal_of(layer);
}

std::string SplitBackend::name() const {
  return fmt::format("{}, {} weights on {}", device_->name(), placement_.count(), host_->name());
}

std::string SplitBackend::arithmetic() const {
  if (placement_.count() == 0) return device_->arithmetic();
  return fmt::format("{}; {} weights {:016x} by {}", device_->arithmetic(), placement_.count(),
                     placement_.hash(), host_->arithmetic());
}

void SplitBackend::enter_thread() {
  device_->enter_thread();
  host_->enter_thread();
}

std::unique_ptr<Weight> SplitBackend::pack(const WeightSource& source) {
  if (placement_.is_on_host(source)) return std::make_unique<HostWeight>(source, host_->pack(source));
  return device_->pack(source);
}

std::vector<WeightSource> SplitBackend::left_of(std::span<const WeightSource> weights) const {
  std::vector<WeightSource> left;
  for (const WeightSource& source : weights)
    if (!placement_.is_on_host(source)) left.push_back(source);
  return left;
}

size_t SplitBackend::kernel_memory_for(std::span<const WeightSource> weights) const {
  return device_->kernel_memory_for(left_of(weights));
}

size_t SplitBackend::growth_of(std::span<const WeightSource> weights) const {
  return device_->growth_of(left_of(weights));
}

Tensor SplitBackend::tensor(Room& room, DType dtype, int rows, int cols) {
  const size_t bytes = static_cast<size_t>(rows) * static_cast<size_t>(cols) * size_of(dtype);
  if (room.buffer == nullptr || room.buffer->bytes() < bytes) room.buffer = host_->allocate(bytes);
  return {room.buffer->data(), dtype, rows, cols, cols};
}

Tensor SplitBackend::fetched(Room& room, Tensor on_device) {
  const Tensor copy = tensor(room, on_device.dtype, on_device.rows, on_device.cols);
  device_->download(bytes_of(copy), on_device);
  return copy;
}

template <class Compute>
void SplitBackend::hand_over(Tensor out, const Compute& compute) {
  if (out.rows == 0) return;
  const Tensor result = tensor(out_, out.dtype, out.rows, out.cols);
  compute(result);
  host_->synchronize();
  device_->upload(out, bytes_of(result));
}

void SplitBackend::embed(Tensor out, const Weight& table, Tensor tokens) {
  const Weight* const w = on_host(table);
  if (w == nullptr) return device_->embed(out, table, tokens);
  hand_over(out, [&](Tensor result) { host_->embed(result, *w, fetched(ids_, tokens)); });
}

void SplitBackend::linear(Tensor out, Tensor x, const Weight& weight) {
  const Weight* const w = on_host(weight);
  if (w == nullptr) return device_->linear(out, x, weight);
  hand_over(out, [&](Tensor result) { host_->linear(result, fetched(x_, x), *w); });
}

void SplitBackend::linear_heads(Tensor out, Tensor x, const Weight& weight) {
  const Weight* const w = on_host(weight);
  if (w == nullptr) return device_->linear_heads(out, x, weight);
  hand_over(out, [&](Tensor result) { host_->linear_heads(result, fetched(x_, x), *w); });
}

void SplitBackend::linear_chosen(Tensor out, Tensor x, const Weight& weight, Tensor matrix) {
  const Weight* const w = on_host(weight);
  if (w == nullptr) return device_->linear_chosen(out, x, weight, matrix);
  hand_over(out,
            [&](Tensor result) { host_->linear_chosen(result, fetched(x_, x), *w, fetched(ids_, matrix)); });
}

void SplitBackend::expand(Tensor out, Tensor x, const Weight& weight, const Activation& activation) {
  const Weight* const w = on_host(weight);
  if (w == nullptr) return device_->expand(out, x, weight, activation);
  hand_over(out, [&](Tensor result) { host_->expand(result, fetched(x_, x), *w, activation); });
}

// What adapters add is computed on the device.
void SplitBackend::linear_adapted(Tensor out, Tensor x, const Weight& w, const AddedRanks& added) {
  if (on_host(w) == nullptr) return device_->linear_adapted(out, x, w, added);
  Backend::linear_adapted(out, x, w, added);
}

void SplitBackend::expand_adapted(Tensor out, Tensor x, const Weight& w, const Activation& activation,
                                  const AddedRanks& added) {
  if (on_host(w) == nullptr) return device_->expand_adapted(out, x, w, activation, added);
  Backend::expand_adapted(out, x, w, activation, added);
}

void SplitBackend::experts(Tensor out, Tensor x, const Routing& routing, const Weight& up, const Weight& down,
                           const Activation& activation) {
  const Weight *const first = on_host(up), *const second = on_host(down);
  check((first == nullptr) == (second == nullptr), "both weights of a layer's experts in one place");
  if (first == nullptr) return device_->experts(out, x, routing, up, down, activation);
  hand_over(out, [&](Tensor result) {
    const Routing on_host = {fetched(ids_, routing.expert_ids), fetched(weights_, routing.weights)};
    host_->experts(result, fetched(x_, x), on_host, *first, *second, activation);
  });
}

}  // namespace ferrum
