// The launches of a step as a graph: recorded while the step's operations are issued, and replayed when they
// are the same again. What is compared are the launches themselves, with all their parameters, so that a
// graph holds whatever issued them: any model, pass or adapter.
#pragma once
#include <cstddef>
#include <cstdint>
#include <list>
#include <span>
#include <string_view>
#include <vector>

#include "backend/cuda/driver/device.h"

namespace ferrum::cuda {

class StepGraphs {
 public:
  explicit StepGraphs(Device& device) : device_(device) {}
  ~StepGraphs() { clear(); }
  StepGraphs(const StepGraphs&) = delete;
  StepGraphs& operator=(const StepGraphs&) = delete;

  bool is_recording() const { return is_recording_; }
  void begin();
  void add(std::string_view kernel, Grid grid, int threads, int shared_bytes, const void* params,
           size_t bytes);
  // Issues what was recorded, as a graph if these launches have been seen before.
  void end();
  // Issues what was recorded so far, one by one, and ends recording: for work that no graph can hold.
  void flush();
  void abandon() { is_recording_ = false; }  // issues nothing
  void clear();                              // forgets all graphs

 private:
  struct Launch {
    std::string_view kernel;
    Grid grid;
    int threads, shared_bytes;
    size_t first;  // of its parameters
  };
  struct Known {
    uint64_t hash;
    std::vector<std::byte> content;  // of the launches, once there is a graph
    GraphExec graph = nullptr;
  };

  void issue();
  GraphExec capture();
  std::list<Known>::iterator find(uint64_t hash);

  static constexpr size_t kMostKnown = 64;

  Device& device_;
  bool is_recording_ = false;
  std::vector<Launch> launches_;
  std::vector<std::byte> params_;   // each at a multiple of 16
  std::vector<std::byte> content_;  // the launches and their parameters
  std::list<Known> known_;          // the last used first
};

}  // namespace ferrum::cuda
