#include "loadgen/figures.h"

#include <algorithm>
#include <numeric>

#include "base/error.h"
#include "base/numbers.h"
#include "base/quantile.h"

namespace ferrum::loadgen {
namespace {

constexpr double kMilli = 1e-3;

void count_failure(std::vector<Failures>& failures, const Failure& failure) {
  auto found = std::ranges::find(failures, failure.kind, &Failures::kind);
  if (found == failures.end())
    found = failures.insert(failures.end(), {.kind = failure.kind, .example = failure.message});
  ++found->count;
}

}  // namespace

Distribution distribution_of(std::vector<double> values) {
  if (values.empty()) return {};
  std::ranges::sort(values);
  const auto n = static_cast<double>(values.size());
  return {.count = static_cast<int64_t>(values.size()),
          .mean = std::accumulate(values.begin(), values.end(), 0.0) / n,
          .p50 = quantile(values, 0.5),
          .p90 = quantile(values, 0.9),
          .p99 = quantile(values, 0.99)};
}

Targets parse_targets(std::string_view text) {
  Targets targets;
  for (std::string_view rest = text; !rest.empty();) {
    const size_t comma = std::min(rest.find(','), rest.size());
    const std::string_view one = rest.substr(0, comma);
    rest.remove_prefix(std::min(comma + 1, rest.size()));
    const size_t colon = one.find(':');
    const std::string_view name = one.substr(0, colon);
    std::optional<double>* const target = name == "ttft"   ? &targets.ttft
                                          : name == "itl"  ? &targets.itl
                                          : name == "tpot" ? &targets.tpot
                                          : name == "e2e"  ? &targets.e2e
                                                           : nullptr;
    const std::string_view number = colon == std::string_view::npos ? "" : one.substr(colon + 1);
    const double value = number_from<double>(number).value_or(0);
    if (!target || !(value > 0))
      fail(ErrorCode::kBadArgument,
           "--slo: {} is not ttft, itl, tpot or e2e with milliseconds, as in ttft:500", in_quotes(one));
    *target = value * kMilli;
  }
  return targets;
}

bool is_good(const Sample& sample, const Targets& targets) {
  if (sample.failure) return false;
  const auto within = [](const std::optional<double>& target, double time) {
    return !target || time <= *target;
  };
  const double longest = sample.gaps.empty() ? 0 : std::ranges::max(sample.gaps);
  return within(targets.ttft, sample.first) && within(targets.itl, longest) &&
         within(targets.tpot, sample.time_per_token().value_or(0)) && within(targets.e2e, sample.end);
}

LoadFigures figures_of(std::span<const Sample> samples, const Targets& targets) {
  LoadFigures f;
  std::vector<double> first;
  std::vector<double> gaps;
  std::vector<double> per_token;
  std::vector<double> whole;
  double begin = samples.empty() ? 0 : samples.front().start;
  double end = begin;
  for (const Sample& s : samples) {
    ++f.requests;
    begin = std::min(begin, s.start);
    end = std::max(end, s.start + s.end);
    if (s.failure) {
      count_failure(f.failures, *s.failure);
      continue;
    }
    ++f.succeeded;
    f.good += is_good(s, targets) ? 1 : 0;
    f.prompt_tokens += s.prompt_tokens;
    f.cached_tokens += s.cached_tokens;
    f.output_tokens += s.output_tokens;
    f.chunks += s.chunks;
    f.counted_by_usage += s.counted_by == Sample::CountedBy::kUsage ? 1 : 0;
    first.push_back(s.first);
    whole.push_back(s.end);
    gaps.insert(gaps.end(), s.gaps.begin(), s.gaps.end());
    if (const std::optional<double> time = s.time_per_token()) per_token.push_back(*time);
  }
  f.seconds = end - begin;
  f.ttft = distribution_of(std::move(first));
  f.itl = distribution_of(std::move(gaps));
  f.tpot = distribution_of(std::move(per_token));
  f.e2e = distribution_of(std::move(whole));
  std::ranges::stable_sort(f.failures, std::ranges::greater(), &Failures::count);
  return f;
}

}  // namespace ferrum::loadgen
