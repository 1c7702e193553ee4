#include "backend/cuda/step_graphs.h"

#include <algorithm>
#include <cstring>

#include "base/check.h"
#include "base/random.h"

namespace ferrum::cuda {
namespace {

// Appends a value's bytes.
template <class T>
void append(std::vector<std::byte>& to, const T& value) {
  const auto bytes = std::as_bytes(std::span(&value, 1));
  to.insert(to.end(), bytes.begin(), bytes.end());
}

// Of whole words.
uint64_t hash_of(std::span<const std::byte> bytes) {
  uint64_t hash = bytes.size();
  for (size_t i = 0; i + 8 <= bytes.size(); i += 8) {
    uint64_t word;
    std::memcpy(&word, bytes.data() + i, 8);
    hash = mix_bits(hash ^ word) + i;
  }
  return hash;
}

}  // namespace

void StepGraphs::begin() {
  check(!is_recording_, "one step at a time");
  is_recording_ = true;
  launches_.clear();
  params_.clear();
}

void StepGraphs::add(std::string_view kernel, Grid grid, int threads, int shared_bytes, const void* params,
                     size_t bytes) {
  launches_.push_back({kernel, grid, threads, shared_bytes, params_.size()});
  const auto* const first = static_cast<const std::byte*>(params);
  params_.insert(params_.end(), first, first + bytes);
  params_.resize((params_.size() + 15) / 16 * 16);
}

void StepGraphs::issue() {
  for (const Launch& l : launches_)
    device_.launch(l.kernel, l.grid, l.threads, l.shared_bytes, params_.data() + l.first);
}

void StepGraphs::flush() {
  is_recording_ = false;
  issue();
}

GraphExec StepGraphs::capture() {
  const Driver& driver = device_.driver();
  device_.check(driver.cuStreamBeginCapture_v2(device_.stream(), kCaptureOfThisThread), "recording a step");
  issue();
  Graph graph = nullptr;
  GraphExec exec = nullptr;
  device_.check(driver.cuStreamEndCapture(device_.stream(), &graph), "recording a step");
  const Result made = driver.cuGraphInstantiateWithFlags(&exec, graph, 0);
  driver.cuGraphDestroy(graph);
  device_.check(made, "making a graph of a step");
  return exec;
}

std::list<StepGraphs::Known>::iterator StepGraphs::find(uint64_t hash) {
  const auto found = std::ranges::find(known_, hash, &Known::hash);
  if (found != known_.end()) known_.splice(known_.begin(), known_, found);
  return found;
}

void StepGraphs::end() {
  if (!is_recording_) return;  // flushed
  is_recording_ = false;
  content_.clear();
  for (const Launch& l : launches_) {
    append(content_, l.kernel.data());  // names are literals, each with an address of its own
    append(content_, l.grid);
    append(content_, l.threads);
    append(content_, l.shared_bytes);
    append(content_, int32_t{0});
  }
  content_.insert(content_.end(), params_.begin(), params_.end());
  const uint64_t hash = hash_of(content_);
  const auto known = find(hash);
  if (known == known_.end()) {  // a step of a prompt may not come again
    issue();
    if (known_.size() == kMostKnown) {
      if (known_.back().graph != nullptr) device_.driver().cuGraphExecDestroy(known_.back().graph);
      known_.pop_back();
    }
    known_.push_front({.hash = hash});
    return;
  }
  if (known->graph == nullptr) {
    known->graph = capture();
    known->content = content_;
  } else if (known->content != content_) {
    return issue();
  }
  device_.check(device_.driver().cuGraphLaunch(known->graph, device_.stream()), "replaying a step");
}

void StepGraphs::clear() {
  for (const Known& known : known_)
    if (known.graph != nullptr) device_.driver().cuGraphExecDestroy(known.graph);
  known_.clear();
}

}  // namespace ferrum::cuda
