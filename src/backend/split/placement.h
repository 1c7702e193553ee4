// Which weights stay on the host where a device has too little memory for all of them.
#pragma once
#include <cstdint>
#include <set>
#include <span>
#include <utility>

#include "backend/weight.h"

namespace ferrum {

class Placement {
 public:
  // Of all of a model's weights, in the order in which they are packed. Until those that are left take no
  // more than `room` bytes, these go to the host, each time from the last one on: the experts of a layer,
  // both of its weights together, since a token reads few of them; tables that are only looked up; the
  // others.
  Placement(std::span<const WeightSource> weights, uint64_t room);
  Placement() = default;  // none is on the host

  bool is_on_host(const WeightSource& source) const { return on_host_.contains(key_of(source)); }
  int count() const { return static_cast<int>(on_host_.size()); }
  uint64_t host_bytes() const { return host_bytes_; }
  uint64_t device_bytes() const { return device_bytes_; }
  // Of which weights they are: equal for equal placements of the same model.
  uint64_t hash() const { return hash_; }

 private:
  // The same tensor may be a table in one place and a matrix in another.
  using Key = std::pair<const std::byte*, WeightUse>;
  static Key key_of(const WeightSource& source);
  void move_to_host(std::span<const WeightSource> weights, size_t index);

  std::set<Key> on_host_;
  uint64_t host_bytes_ = 0;
  uint64_t device_bytes_ = 0;
  uint64_t hash_ = 0;
};

}  // namespace ferrum
