// ferrum bench: measures a model's speed on this machine, and its share of the machine's limit.
#include <fmt/core.h>

#include <CLI/CLI.hpp>
#include <chrono>
#include <functional>
#include <limits>
#include <memory>
#include <optional>
#include <span>

#include "backend/device_report.h"
#include "backend/observers/tracing_backend.h"
#include "base/error.h"
#include "base/human_bytes.h"
#include "base/isa_choice.h"
#include "base/machine.h"
#include "base/output_file.h"
#include "checkpoint/checkpoint.h"
#include "cli/bench_report.h"
#include "cli/command.h"
#include "cli/interrupts.h"
#include "cli/model_source.h"
#include "cli/options.h"
#include "cli/progress.h"
#include "engine/backend_factory.h"
#include "engine/memory_plan.h"

namespace ferrum::cli {
namespace {

using Kind = BenchCase::Kind;
using Through = BenchCase::Through;
using Clock = std::chrono::steady_clock;

constexpr int kMaxBatch = 1024;
constexpr int kMaxRepetitions = 1000;

struct BenchOptions {
  EngineOptions engine = {.activations = "bf16"};
  std::vector<int> prompts = {512};
  std::vector<int> generated = {128};
  std::vector<int> batches;  // empty: one sequence
  std::vector<int> depths = {0};
  std::string through;  // what decodes; empty: the engine if batches are requested
  int repetitions = 5;
  std::string profile;
  std::string plot;
  bool json = false;
};

constexpr const char* kExplanation =
    "Prompts are measured one at a time, and -b sequences decode together, one token each per step;\n"
    "with -d, each sequence already has that many cached tokens. A warm-up repetition does not count.\n"
    "Tokens are random: no tokenizer is needed.\n\n"
    "With -b the sequences are requests to the engine: it schedules and samples them as usual,\n"
    "and tokens/s cover the time from the last sequence's first token until the first one ends.\n"
    "The first repetition computes their prompts of -d tokens and one more, and gives the time to the\n"
    "first token; the others hit the prefix cache. With --through model, or without -b, the\n"
    "model's steps run without the engine, on copies of one sequence's cache.\n\n"
    "The machine's read bandwidth and its peak of dot products are measured before, between and after\n"
    "the repetitions; the medians are used, because load varies on a shared machine.\n"
    "Its limit is the time for reading weights (of mixtures: of the experts that are used) and cache\n"
    "once per step, or for two operations per parameter and token at that peak, whichever is longer;\n"
    "the share is this limit divided by the measured time. A profile or a trace takes one more "
    "repetition.\n\n"
    "Examples:\n"
    "  ferrum bench model.gguf\n"
    "  ferrum bench model.gguf -p 512,2048 -n 128 -b 1,2,4,8,16,32 --plot speed.svg\n"
    "  ferrum bench model.gguf -p 0 -n 64 -d 0,4096 -r 10 --json    # no prompts\n"
    "  ferrum bench model.gguf --profile ops                       # where the time goes\n"
    "  ferrum bench model.gguf -p 0 --trace t.json                 # a timeline of operations";

constexpr int kNoMost = std::numeric_limits<int>::max();  // no upper limit apart from the model's context

void check_list(const char* flag, std::span<const int> values, int least, int most = kNoMost) {
  for (const int value : values) {
    if (value < least) fail(ErrorCode::kBadArgument, "{} {}: must be {} or more", flag, value, least);
    if (value > most) fail(ErrorCode::kBadArgument, "{} {}: must be {} or less", flag, value, most);
  }
}

bool is_none(std::span<const int> sizes) { return sizes.size() == 1 && sizes[0] == 0; }

void check_options(const BenchOptions& o) {
  if (!is_none(o.prompts)) check_list("-p", o.prompts, 1);
  if (!is_none(o.generated)) check_list("-n", o.generated, 1);
  if (is_none(o.prompts) && is_none(o.generated))
    fail(ErrorCode::kBadArgument, "-p 0 and -n 0 leave nothing to measure");
  check_list("-b", o.batches, 1, kMaxBatch);
  check_list("-d", o.depths, 0);
  check_list("-r", std::span(&o.repetitions, 1), 1, kMaxRepetitions);
}

std::vector<BenchCase> cases_of(const BenchOptions& o) {
  const bool by_engine = o.through.empty() ? !o.batches.empty() : o.through == "engine";
  const Through through = by_engine ? Through::kEngine : Through::kModel;
  const std::vector<int> batches = o.batches.empty() ? std::vector{1} : o.batches;
  std::vector<BenchCase> cases;
  for (const int depth : o.depths) {
    for (const int tokens : o.prompts)
      if (tokens > 0) cases.push_back({.kind = Kind::kPrompt, .tokens = tokens, .depth = depth});
    for (const int tokens : o.generated)
      for (const int batch : batches)
        if (tokens > 0)
          cases.push_back(
              {.kind = Kind::kDecode, .through = through, .tokens = tokens, .batch = batch, .depth = depth});
  }
  return cases;
}

std::optional<DeviceInfo> device_of(const Backend& backend) {
  const auto* const report = dynamic_cast<const DeviceReport*>(&backend);
  return report == nullptr ? std::nullopt : std::optional(report->device());
}

// What is not known does not limit.
MachineLimits limits_of(const DeviceInfo& device) {
  const auto known = [](double limit) { return limit > 0 ? limit : std::numeric_limits<double>::max(); };
  const double operations = known(device.operations);
  return {known(device.read_bandwidth), operations, operations, operations};
}

std::string text_of(const DeviceInfo& device) {
  std::string text = fmt::format("{} ({}), {} multiprocessors, {}", device.name, device.architecture,
                                 device.multiprocessors, human_bytes(device.memory));
  if (device.read_bandwidth > 0)
    text += fmt::format("; by its clocks: reading {:.0f} GB/s", device.read_bandwidth / 1e9);
  if (device.operations > 0) text += fmt::format(", bf16 {:.0f} GOP/s", device.operations / 1e9);
  return text;
}

// The model, and the observer of its operations if a profile or a trace is requested.
class Subject {
 public:
  Subject(const BenchOptions& o, std::shared_ptr<const Checkpoint> checkpoint, const RunnerOptions& options)
      : backend_(make_backend(backend_options(o.engine))),
        name_(backend_->name()),
        device_(device_of(*backend_)),
        checkpoint_(std::move(checkpoint)),
        options_(o.engine),
        profile_(o.profile) {
    require_fit(memory_plan(*checkpoint_, options, *backend_), checkpoint_->model(),
                "use smaller -p, -b or -d");
    if (!o.profile.empty()) timing_ = watch_with<TimingBackend>();
    // The outermost observer, so that it sees whole passes as well.
    if (!o.engine.trace.empty()) {
      trace_.emplace(o.engine.trace);
      trace_->name_group(kTrack.group, "bench");
      tracing_ = watch_with<TracingBackend>(*trace_, kTrack);
    }
    Progress loading("loading");
    const auto start = Clock::now();
    runner_.emplace(std::move(backend_), checkpoint_, options,
                    [&](uint64_t done, uint64_t total) { loading.update(done, total); });
    load_seconds_ = std::chrono::duration<double>(Clock::now() - start).count();
  }

  const std::string& backend_name() const { return name_; }
  std::string device_text() const { return device_ ? text_of(*device_) : ""; }
  double load_seconds() const { return load_seconds_; }

  BenchRow measure(const BenchCase& task, int repetitions, LimitMeter& meter) {
    BenchRow row = {.task = task};
    if (task.through == Through::kModel) {
      if (!bench_) bench_.emplace(*runner_);
      bench_->prepare(task);
      repeat(row, repetitions, meter, [&] { return bench_->repeat(task); });
    } else {
      bench_.reset();  // the engine overwrites the cache
      EngineBench bench(*runner_, checkpoint_, options_, task);
      repeat(row, repetitions, meter, [&] { return bench.repeat(); });
      row.engine = bench.figures();
    }
    return row;
  }

 private:
  using Once = std::function<std::chrono::duration<double>()>;
  void repeat(BenchRow& row, int repetitions, LimitMeter& meter, const Once& once) {
    once();  // warm-up
    const auto limits = [&] { return device_ ? limits_of(*device_) : meter.measure(); };
    std::vector<MachineLimits> machine = {limits()};
    for (int i = 0; i < repetitions; ++i) {
      row.seconds.push_back(once().count());
      machine.push_back(limits());
    }
    row.machine = median_of(machine);
    row.limit = limit_for(checkpoint_->main_format(), row.machine);
    if (timing_ != nullptr) {
      timing_->clear();
      timing_->resume();
      once();
      timing_->pause();
      row.operations = profile_ == "layers" ? timing_->layers() : timing_->shapes();
    }
    if (tracing_ != nullptr) {
      tracing_->set_limits({row.limit.bytes_per_second, row.limit.operations_per_second});
      const auto begin = Clock::now();
      tracing_->resume();
      once();
      tracing_->pause();
      trace_->slice(kTrack, label(row.task), begin, Clock::now());
    }
  }

  static constexpr TraceFile::Track kTrack = {};

  // Puts an observer around the backend. It is inactive at first.
  template <class Observer, class... Args>
  Observer* watch_with(Args&&... args) {
    watched_.push_back(std::move(backend_));
    auto observer = std::make_unique<Observer>(*watched_.back(), std::forward<Args>(args)...);
    observer->pause();
    Observer* const pointer = observer.get();
    backend_ = std::move(observer);
    return pointer;
  }

  std::optional<TraceFile> trace_;
  std::vector<std::unique_ptr<Backend>> watched_;
  std::unique_ptr<Backend> backend_;  // the outermost observer, until the runner takes it
  std::string name_;
  std::optional<DeviceInfo> device_;  // that is not the CPU
  std::shared_ptr<const Checkpoint> checkpoint_;
  EngineOptions options_;
  std::string profile_;
  TimingBackend* timing_ = nullptr;
  TracingBackend* tracing_ = nullptr;
  std::optional<Runner> runner_;
  std::optional<Bench> bench_;
  double load_seconds_ = 0;
};

std::vector<BenchRow> measure(const BenchOptions& o, const std::shared_ptr<const Checkpoint>& checkpoint,
                              BenchSetting& setting) {
  const std::vector<BenchCase> cases = cases_of(o);
  const DType kv_dtype = parse_kv_dtype(o.engine.kv_dtype);
  const ModelVolume volume = volume_of(*checkpoint);
  Subject subject(o, checkpoint,
                  bench_runner_options(cases, {.batch_tokens = o.engine.batch_tokens, .kv_dtype = kv_dtype},
                                       checkpoint->model()));
  setting.backend = subject.backend_name();
  setting.device = subject.device_text();
  setting.load_seconds = subject.load_seconds();
  LimitMeter meter(setting.threads);  // uses memory that the model leaves free
  std::vector<BenchRow> rows;
  StatusLine status;
  for (const BenchCase& task : cases) {
    status.show(fmt::format("measuring {} of {}: {}", rows.size() + 1, cases.size(), label(task)));
    BenchRow& row = rows.emplace_back(subject.measure(task, o.repetitions, meter));
    row.work = work_of(task, volume, checkpoint->model(), kv_dtype);
  }
  return rows;
}

void bench_command(const BenchOptions& o) {
  check_options(o);
  const Interrupts interrupts;
  const std::shared_ptr<const Checkpoint> checkpoint = Checkpoint::open(find_model(o.engine.model));
  const ModelDescription& model = checkpoint->model();
  std::optional<OutputFile> picture;  // opened first, so that it fails before the work
  if (!o.plot.empty()) picture.emplace(o.plot, 0);
  BenchSetting setting = {.model = model.name,
                          .architecture = std::string(name_of(*model.architecture)),
                          .format = checkpoint->format(),
                          .parameters = model.parameters,
                          .weight_bytes = checkpoint->bytes(),
                          .isa = std::string(name_of(selected_isa())),
                          .products = std::string(products_of(selected_isa())),
                          .threads = o.engine.threads > 0 ? o.engine.threads : default_thread_count(),
                          .kv_dtype = o.engine.kv_dtype};
  const std::vector<BenchRow> rows = measure(o, checkpoint, setting);

  if (o.json) {
    fmt::print("{}", bench_json(setting, rows));
  } else {
    fmt::print("{}{}{}", bench_table(setting, rows), bench_engine(rows), bench_profile(rows));
  }
  if (picture) {
    const std::string svg = bench_svg(setting, rows);
    picture->write(std::as_bytes(std::span(svg)));
    picture->commit();
  }
}

CLI::Option* add_numbers(CLI::App& command, const std::string& names, std::vector<int>& values,
                         const std::string& help) {
  // The values are one argument, so that the model may follow the option.
  return command.add_option(names, values, help)
      ->delimiter(',')
      ->allow_extra_args(false)
      ->check([](const std::string& text) { return text.empty() ? "a number is missing" : ""; })
      ->capture_default_str();
}

}  // namespace

void add_bench(CLI::App& app) {
  auto o = std::make_shared<BenchOptions>();
  CLI::App& command = *app.add_subcommand("bench", "Benchmark a model against the machine's limits");
  command.add_option("MODEL", o->engine.model, kModelHelp)->required()->check(a_name());
  add_numbers(command, "-p,--prompt", o->prompts, "Prompt lengths in tokens, e.g. 512,2048; 0: none");
  add_numbers(command, "-n,--generate", o->generated, "Tokens that each sequence generates; 0: none");
  add_numbers(command, "-b,--batch", o->batches,
              "Sequences that decode together, as requests to the engine, e.g. 1,4,16")
      ->default_str("1");
  command.add_option("--through", o->through, "engine (default with -b) or model (without the engine)")
      ->check(one_of({"engine", "model"}));
  add_numbers(command, "-d,--depth", o->depths, "Cached tokens at the start, e.g. 0,4096");
  command.add_option("-r,--repetitions", o->repetitions, "Repetitions of each measurement")
      ->capture_default_str();
  command.add_option("--profile", o->profile, "ops or layers: profile one more repetition of each")
      ->check(one_of({"ops", "layers"}));
  command.add_option("--plot", o->plot, "Write a chart to this .svg file")->check(a_name());
  command.add_flag("--json", o->json, "Print JSON");
  add_backend_options(command, o->engine);
  add_batch_tokens_option(command, o->engine);
  add_kv_dtype_option(command, o->engine);
  add_trace_option(command, o->engine);
  command.footer(kExplanation);
  command.callback([o] { bench_command(*o); });
}

}  // namespace ferrum::cli
