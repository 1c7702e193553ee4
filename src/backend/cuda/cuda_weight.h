// A weight on the device: for each of its parts tiles of one format (kernels/tiles.h), and the order of its
// columns where it has one.
#pragma once
#include <vector>

#include "backend/cuda/device_buffer.h"
#include "backend/cuda/row_quants.h"
#include "backend/weight.h"
#include "base/thread_pool.h"

namespace ferrum::cuda {

class CudaWeight final : public Weight {
 public:
  // Rows [first_row, first_row + tiles.rows) of each group.
  struct Segment {
    const TileFormat* format;
    int first_row;
    TiledWeight tiles;
    const int* order;    // of the device: the matrix' column of each stored one; null: its own
    int order_of_group;  // from one group's order to the next; 0: all have the same
  };

  // Error kNoMemory naming the weight; kUnsupported for tensors of one part in different formats.
  CudaWeight(const WeightSource& source, Device& device, ThreadPool& pool);

  const std::vector<Segment>& segments() const { return segments_; }
  int units() const { return (cols() + 31) / 32; }
  const float* bias() const {
    return reinterpret_cast<const float*>(bias_.address());
  }  // [groups, rows] or null

 private:
  void add_part(const WeightSource::Part& part, Device& device, ThreadPool& pool);
  void add_order(const WeightSource::Part& part, Segment& segment, Device& device);

  std::vector<Segment> segments_;
  std::vector<DeviceMemory> memory_;
  DeviceMemory bias_;
};

// Of its tiles, before rounding.
size_t bytes_on_device(const WeightSource& source);

inline const CudaWeight& as_cuda(const Weight& w) { return dynamic_cast<const CudaWeight&>(w); }

}  // namespace ferrum::cuda
