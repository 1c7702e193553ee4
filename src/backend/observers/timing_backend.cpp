#include "backend/observers/timing_backend.h"

#include <algorithm>
#include <iterator>
#include <numeric>
#include <ostream>

namespace ferrum {
namespace {

double elements(const Tensor& t) {
  return static_cast<double>(t.rows) * t.cols * static_cast<double>(size_of(t.dtype));
}

}  // namespace

double TimingBackend::bytes_of(const OperationCall& call) {
  double bytes = elements(call.in) + elements(call.out);
  if (call.name == "embed") return bytes + elements(call.out);  // a row of the table for each token
  if (call.name == "attend") {
    std::vector<int32_t> context(static_cast<size_t>(call.step->shape.sequences));
    inner().download(std::as_writable_bytes(std::span(context)),
                     call.step->context_len.first_rows(call.step->shape.sequences));
    const double positions = std::accumulate(context.begin(), context.end(), 0.0);
    return bytes +
           positions * 2 * (elements(call.kv->k.first_rows(1)) + elements(call.kv->k_scales.first_rows(1)));
  }
  for (const Weight* w : {call.weight, call.second_weight}) {
    if (w == nullptr) continue;
    const int64_t chosen = call.experts_per_token > 0 ? int64_t{call.in.rows} * call.experts_per_token : 1;
    bytes +=
        static_cast<double>(group_bytes(*w)) * static_cast<double>(std::min<int64_t>(chosen, w->groups()));
  }
  return bytes;
}

void TimingBackend::observe(const OperationCall& call, FunctionRef<void()> operation) {
  if (paused_) return operation();
  inner().synchronize();
  const auto begin = Clock::now();
  operation();
  inner().synchronize();
  const auto end = Clock::now();

  const double seconds = std::chrono::duration<double>(end - begin).count();
  const double bytes = bytes_of(call);
  const auto shape = shapes_.try_emplace(describe(call)).first;
  for (Total* total : {&shape->second, &totals_[std::string(call.name)]}) {
    ++total->calls;
    total->seconds += seconds;
    total->bytes += bytes;
  }
  if (events_.size() < kMaxEvents)
    events_.push_back({&shape->first, call.name,
                       std::chrono::duration<double, std::micro>(begin - start_).count(), seconds * 1e6});
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
    fmt::format_to(std::back_inserter(text), "{:>8} {:>10.2f} {:>10.1f} {:>6.1f}% {:>7.1f}  {}\n",
                   total.calls, total.seconds * 1e3, total.seconds * 1e6 / static_cast<double>(total.calls),
                   100 * share, bytes_per_second / 1e9, what);
  return text;
}

void TimingBackend::write_trace(std::ostream& out) const {
  out << "{\"traceEvents\":[\n";
  for (size_t i = 0; i < events_.size(); ++i) {
    const Event& e = events_[i];
    // Names and shapes are our own: nothing in them needs escaping.
    out << fmt::format(
        R"({{"name":"{}","ph":"X","ts":{:.3f},"dur":{:.3f},"pid":1,"tid":1,"args":{{"what":"{}"}}}}{})",
        e.name, e.begin_us, e.us, *e.what, i + 1 < events_.size() ? ",\n" : "\n");
  }
  out << "]}\n";
}

void TimingBackend::clear() {
  events_.clear();
  totals_.clear();
  shapes_.clear();
}

}  // namespace ferrum
