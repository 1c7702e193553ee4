#include "cli/load_report.h"

#include <fmt/core.h>

#include <iterator>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/json.h"

namespace ferrum::cli {
namespace {

using loadgen::Api;
using loadgen::Distribution;
using loadgen::LoadFigures;
using loadgen::Sample;
using loadgen::Spacing;
using loadgen::Targets;

constexpr double kMilli = 1e3;           // milliseconds in a second
constexpr double kSeveralTokens = 1.05;  // tokens per chunk above which a note is printed

const char* name_of(Spacing spacing) { return spacing == Spacing::kPoisson ? "poisson" : "uniform"; }

double mean(int64_t sum, int64_t count) {
  return count > 0 ? static_cast<double>(sum) / static_cast<double>(count) : 0;
}

struct Target {
  const char* name;
  std::optional<double> seconds;
};
std::vector<Target> given(const Targets& t) {
  std::vector<Target> all;
  for (const Target& target : {Target{"ttft", t.ttft}, {"itl", t.itl}, {"tpot", t.tpot}, {"e2e", t.e2e}})
    if (target.seconds) all.push_back(target);
  return all;
}

std::string setting_text(const LoadSetting& s) {
  const loadgen::WorkloadOptions& w = s.workload;
  const std::string prompts =
      s.prompt_file.empty() ? fmt::format("{} words", to_string(w.prompt)) : in_quotes(s.prompt_file);
  const std::string prefix = w.shared_prefix > 0 ? fmt::format(" after {} shared ones", w.shared_prefix) : "";
  return fmt::format("{}, model {}, {}: prompts of {}{}, answers of {} tokens, {}, seed {}\n", s.url,
                     in_quotes(s.request.model), s.request.api == Api::kChat ? "chat" : "completions",
                     prompts, prefix, to_string(w.answer),
                     s.request.temperature ? fmt::format("temperature {:g}", *s.request.temperature)
                                           : "the server's temperature",
                     w.seed);
}

// How the tokens of all rows were counted.
std::string tokens_text(std::span<const LoadRow> rows) {
  int64_t succeeded = 0;
  int64_t counted = 0;
  int64_t tokens = 0;
  int64_t chunks = 0;
  for (const LoadRow& row : rows) {
    succeeded += row.figures.succeeded;
    counted += row.figures.counted_by_usage;
    tokens += row.figures.output_tokens;
    chunks += row.figures.chunks;
  }
  if (succeeded == 0) return "";
  std::string text =
      counted == succeeded ? "tokens are counted by the server's usage\n"
      : counted == 0       ? "the server reports no usage: each chunk with text counts as one token, and "
                             "prompts are not counted\n"
                           : fmt::format(
                                 "the server reports the usage of {} of {} answers; for the others each chunk with "
                                       "text counts as one token\n",
                                 counted, succeeded);
  if (mean(tokens, chunks) > kSeveralTokens)
    text += fmt::format(
        "note: a chunk of the stream has {:.2f} tokens; times between tokens are times between chunks\n",
        mean(tokens, chunks));
  return text;
}

void append_times(std::string& text, const std::string& label, const LoadFigures& f) {
  const struct {
    const char* what;
    const Distribution& times;
  } lines[] = {
      {"first token", f.ttft}, {"between tokens", f.itl}, {"per token", f.tpot}, {"whole answer", f.e2e}};
  std::string first = label;
  for (const auto& [what, t] : lines) {
    if (t.count > 0)
      text += fmt::format("{:<18} {:<16} {:>10.2f} {:>10.2f} {:>10.2f} {:>10.2f}\n", std::exchange(first, ""),
                          what, t.mean * kMilli, t.p50 * kMilli, t.p90 * kMilli, t.p99 * kMilli);
  }
}

Json times_json(const Distribution& d) {
  if (d.count == 0) return nullptr;
  return {{"count", d.count},
          {"mean", d.mean * kMilli},
          {"p50", d.p50 * kMilli},
          {"p90", d.p90 * kMilli},
          {"p99", d.p99 * kMilli}};
}

Json failure_json(const loadgen::Failure& failure) {
  return {{"kind", failure.kind}, {"message", failure.message}};
}

Json sample_json(const Sample& s) {
  const bool counted = s.counted_by == Sample::CountedBy::kUsage;
  Json gaps = Json::array();
  for (const double gap : s.gaps) gaps.push_back(gap * kMilli);
  const std::optional<double> per_token = s.time_per_token();
  return {{"start_s", s.start},
          {"ttft_ms", s.chunks > 0 ? Json(s.first * kMilli) : Json()},
          {"itl_ms", std::move(gaps)},
          {"tpot_ms", per_token ? Json(*per_token * kMilli) : Json()},
          {"e2e_ms", s.end * kMilli},
          {"prompt_tokens", counted ? Json(s.prompt_tokens) : Json()},
          {"cached_tokens", counted ? Json(s.cached_tokens) : Json()},
          {"output_tokens", s.output_tokens},
          {"failure", s.failure ? failure_json(*s.failure) : Json()}};
}

Json goodput_json(const LoadSetting& setting, const LoadFigures& f) {
  Json targets = Json::object();
  for (const Target& target : given(setting.targets)) targets[target.name] = *target.seconds * kMilli;
  return {{"targets_ms", std::move(targets)},
          {"requests", f.good},
          {"share", mean(f.good, f.requests)},
          {"requests_per_second", f.per_second(f.good)}};
}

Json row_json(const LoadSetting& s, const LoadRow& row, Samples samples) {
  const LoadFigures& f = row.figures;
  const bool closed = row.load.rate == 0;
  const bool from_file = !s.prompt_file.empty();
  const bool counted = f.succeeded > 0 && f.counted_by_usage == f.succeeded;
  const loadgen::WorkloadOptions& w = s.workload;
  Json failures = Json::array();
  for (const loadgen::Failures& failure : f.failures)
    failures.push_back({{"kind", failure.kind}, {"count", failure.count}, {"message", failure.example}});
  Json j = {
      {"url", s.url},
      {"model", s.request.model},
      {"api", s.request.api == Api::kChat ? "chat" : "completions"},
      {"prompt_words", from_file ? Json() : Json{w.prompt.least, w.prompt.most}},
      {"prompt_file", from_file ? Json(s.prompt_file) : Json()},
      {"shared_prefix_words", w.shared_prefix},
      {"generate", {w.answer.least, w.answer.most}},
      {"temperature", s.request.temperature ? Json(*s.request.temperature) : Json()},
      {"ignore_eos", s.request.ignore_eos},
      {"seed", w.seed},
      {"clients", closed ? Json(row.load.clients) : Json()},
      {"rate", closed ? Json() : Json(row.load.rate)},
      {"arrivals", closed ? Json() : Json(name_of(row.load.spacing))},
      {"requests", f.requests},
      {"succeeded", f.succeeded},
      {"failed", f.requests - f.succeeded},
      {"failures", std::move(failures)},
      {"seconds", f.seconds},
      {"requests_per_second", f.per_second(f.succeeded)},
      {"output_tokens_per_second", f.per_second(f.output_tokens)},
      {"total_tokens_per_second", counted ? Json(f.per_second(f.prompt_tokens + f.output_tokens)) : Json()},
      {"prompt_tokens", counted ? Json(f.prompt_tokens) : Json()},
      {"cached_tokens", counted ? Json(f.cached_tokens) : Json()},
      {"output_tokens", f.output_tokens},
      {"chunks", f.chunks},
      {"tokens_counted_by", counted                   ? "usage"
                            : f.counted_by_usage == 0 ? "chunks"
                                                      : "both"},
      {"ttft_ms", times_json(f.ttft)},
      {"itl_ms", times_json(f.itl)},
      {"tpot_ms", times_json(f.tpot)},
      {"e2e_ms", times_json(f.e2e)}};
  if (s.targets.any()) j["goodput"] = goodput_json(s, f);
  if (samples == Samples::kIncluded) {
    j["samples"] = Json::array();
    for (const Sample& sample : row.samples) j["samples"].push_back(sample_json(sample));
  }
  return j;
}

}  // namespace

std::string label(const loadgen::Load& load) {
  if (load.rate > 0) return fmt::format("{:g}/s {}", load.rate, name_of(load.spacing));
  return load.clients == 1 ? "1 client" : fmt::format("{} clients", load.clients);
}

std::string load_table(const LoadSetting& s, std::span<const LoadRow> rows) {
  std::string text = setting_text(s);
  for (const std::string& name : s.dropped_fields)
    text += fmt::format("note: the server refuses the field {}; it is not sent\n", name);
  text += tokens_text(rows);

  text += fmt::format("\n{:<18} {:>8} {:>7} {:>9} {:>8} {:>9} {:>9} {:>8} {:>7} {:>7}", "", "requests",
                      "failed", "seconds", "req/s", "output/s", "total/s", "prompt", "cached", "answer");
  text += s.targets.any() ? fmt::format(" {:>8} {:>7}\n", "good/s", "good") : "\n";
  for (const LoadRow& row : rows) {
    const LoadFigures& f = row.figures;
    const bool counted = f.counted_by_usage > 0;
    text +=
        fmt::format("{:<18} {:>8} {:>7} {:>9.2f} {:>8.2f} {:>9.1f} {:>9} {:>8} {:>7} {:>7.1f}",
                    label(row.load), f.requests, f.requests - f.succeeded, f.seconds,
                    f.per_second(f.succeeded), f.per_second(f.output_tokens),
                    counted ? fmt::format("{:.1f}", f.per_second(f.prompt_tokens + f.output_tokens)) : "-",
                    counted ? fmt::format("{:.1f}", mean(f.prompt_tokens, f.counted_by_usage)) : "-",
                    counted ? fmt::format("{:.0f}%", mean(f.cached_tokens, f.prompt_tokens) * 100) : "-",
                    mean(f.output_tokens, f.succeeded));
    text += s.targets.any()
                ? fmt::format(" {:>8.2f} {:>6.0f}%\n", f.per_second(f.good), mean(f.good, f.requests) * 100)
                : "\n";
  }

  text += fmt::format("\n{:<18} {:<16} {:>10} {:>10} {:>10} {:>10}\n", "", "milliseconds", "mean", "p50",
                      "p90", "p99");
  for (const LoadRow& row : rows) append_times(text, label(row.load), row.figures);
  for (const LoadRow& row : rows)
    for (const loadgen::Failures& failure : row.figures.failures)
      text += fmt::format("{}: {} failed, {}: {}\n", label(row.load), failure.count, failure.kind,
                          in_quotes(failure.example));
  return text;
}

std::string load_json(const LoadSetting& setting, std::span<const LoadRow> rows, Samples samples) {
  Json j = Json::array();
  for (const LoadRow& row : rows) j.push_back(row_json(setting, row, samples));
  return j.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace ferrum::cli
