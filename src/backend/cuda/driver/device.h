// One GPU: its context, its stream, memory and kernels. Every failed call becomes an Error that names the
// call and the driver's answer. After an answer that leaves the context unusable, all later calls repeat it
// as DeviceLost: nothing is computed with what such a device holds.
//
// Used by one thread at a time, which has called enter().
#pragma once
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "backend/cuda/driver/driver.h"

namespace ferrum::cuda {

// Blocks of a launch.
struct Grid {
  int x = 1, y = 1, z = 1;
};

class Device {
 public:
  // `images`: fat binaries, which must stay where they are. Error kUnsupported without a device of this
  // number, with too old a driver or with device code for other devices only.
  Device(const Driver& driver, int number, std::span<const void* const> images);
  ~Device();
  Device(const Device&) = delete;
  Device& operator=(const Device&) = delete;

  const std::string& name() const { return name_; }
  int capability() const { return capability_; }  // 90: sm_90
  int shared_bytes() const { return shared_bytes_; }
  int multiprocessors() const { return multiprocessors_; }
  double read_bandwidth() const { return read_bandwidth_; }  // bytes/s; 0: the driver does not say
  double operations() const { return operations_; }          // of bf16 on tensor cores, /s; 0: not known
  size_t memory() const { return memory_; }                  // bytes
  const std::string& failure() const { return lost_; }       // why nothing works any more; empty: it does
  Stream stream() const { return stream_; }
  const Driver& driver() const { return driver_; }

  void enter() const;  // the calling thread uses the device from now on
  size_t free_bytes() const;
  DevicePointer allocate(size_t bytes);  // Error kNoMemory with the numbers
  void release(DevicePointer memory) noexcept;
  void* allocate_pinned(size_t bytes);
  void release_pinned(void* memory) noexcept;
  void synchronize();
  void launch(std::string_view kernel, Grid grid, int threads, int shared_bytes, const void* params);

  // Error unless it is kSuccess.
  void check(Result result, std::string_view what);

 private:
  [[noreturn]] void fail_with(Result result, std::string_view what);
  Function find(std::string_view kernel, int shared_bytes);

  const Driver driver_;
  int device_ = 0;
  std::string name_;
  int capability_ = 0;
  int shared_bytes_ = 0;
  int multiprocessors_ = 0;
  double read_bandwidth_ = 0, operations_ = 0;
  size_t memory_ = 0;
  Context context_ = nullptr;
  Stream stream_ = nullptr;
  std::vector<Library> libraries_;
  struct Found {
    Function function = nullptr;
    int shared_bytes = 48 << 10;  // that it may ask for
  };
  std::map<std::string, Found, std::less<>> kernels_;
  std::string lost_;  // why nothing works any more
};

}  // namespace ferrum::cuda
