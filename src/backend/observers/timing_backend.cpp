#include "backend/observers/timing_backend.h"

#include <algorithm>
#include <iterator>

namespace ferrum {

void TimingBackend::observe(const OperationCall& call, FunctionRef<void()> operation) {
  if (paused_) return operation();
  inner().synchronize();
  const auto begin = Clock::now();
  operation();
  inner().synchronize();
  const auto end = Clock::now();

  const double seconds = std::chrono::duration<double>(end - begin).count();
  const double bytes = bytes_of(call);
  const std::string layer = call.layer ? fmt::format("layer {}", *call.layer) : "no layer";
  for (Total* total : {&shapes_[describe(call)], &totals_[std::string(call.name)], &layers_[layer]}) {
    ++total->calls;
    total->seconds += seconds;
    total->bytes += bytes;
  }
}

std::string TimingBackend::table() const { return timing_table(shapes_); }

std::vector<TimedOperation> by_time(const std::map<std::string, TimingBackend::Total>& shapes) {
  double all = 0;
  for (const auto& [what, total] : shapes) all += total.seconds;
  std::vector<TimedOperation> operations;
  operations.reserve(shapes.size());
  for (const auto& [what, total] : shapes)
    operations.push_back({what, total, all > 0 ? total.seconds / all : 0,
                          total.seconds > 0 ? total.bytes / total.seconds : 0});
  std::stable_sort(operations.begin(), operations.end(),
                   [](const auto& a, const auto& b) { return a.total.seconds > b.total.seconds; });
  return operations;
}

std::string timing_table(const std::map<std::string, TimingBackend::Total>& shapes) {
  std::string text = fmt::format("{:>8} {:>10} {:>10} {:>7} {:>7}  {}\n", "calls", "total ms", "mean us",
                                 "share", "GB/s", "operation");
  for (const auto& [what, total, share, bytes_per_second] : by_time(shapes))
    text += fmt::format("{:>8} {:>10.2f} {:>10.1f} {:>6.1f}% {:>7.1f}  {}\n", total.calls,
                        total.seconds * 1e3, total.seconds * 1e6 / static_cast<double>(total.calls),
                        100 * share, bytes_per_second / 1e9, what);
  return text;
}

void TimingBackend::clear() {
  totals_.clear();
  shapes_.clear();
  layers_.clear();
}

}  // namespace ferrum
