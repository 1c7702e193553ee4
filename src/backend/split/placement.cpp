#include "backend/split/placement.h"

#include "base/random.h"

namespace ferrum {
namespace {

bool is_of_experts(const WeightSource& source) {
  return source.use == WeightUse::kMultiply && source.groups > 1;
}

uint64_t bytes_of(const WeightSource& source) {
  uint64_t bytes = source.bias.size() * sizeof(float);
  for (const WeightSource::Part& part : source.parts)
    for (const HostTensor& tensor : part)
      bytes +=
          static_cast<uint64_t>(tensor.rows()) * row_bytes(tensor.format, static_cast<size_t>(tensor.cols()));
  return bytes;
}

}  // namespace

Placement::Key Placement::key_of(const WeightSource& source) {
  const HostTensor& first = source.parts[0][0];
  return {first.maker ? first.maker->stored()[0].data() : first.bytes.data(), source.use};
}

void Placement::move_to_host(std::span<const WeightSource> weights, size_t index) {
  if (!on_host_.insert(key_of(weights[index])).second) return;
  const uint64_t bytes = bytes_of(weights[index]);
  device_bytes_ -= bytes;
  host_bytes_ += bytes;
  hash_ = mix_bits(hash_ ^ index) + 1;
}

Placement::Placement(std::span<const WeightSource> weights, uint64_t room) {
  for (const WeightSource& source : weights) device_bytes_ += bytes_of(source);
  const auto is_full = [&] { return device_bytes_ > room; };
  for (size_t i = weights.size(); i-- > 1 && is_full();) {
    if (!is_of_experts(weights[i]) || !is_of_experts(weights[i - 1])) continue;
    move_to_host(weights, i);
    move_to_host(weights, i - 1);  // with the other, whatever is left
    --i;
  }
  for (size_t i = weights.size(); i-- > 0 && is_full();)
    if (weights[i].use == WeightUse::kLookUp) move_to_host(weights, i);
  for (size_t i = weights.size(); i-- > 0 && is_full();)
    if (!is_of_experts(weights[i])) move_to_host(weights, i);
}

}  // namespace ferrum
