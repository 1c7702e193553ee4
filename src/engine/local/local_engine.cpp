#include "engine/local/local_engine.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "base/error.h"
#include "base/human_bytes.h"
#include "engine/backend_factory.h"
#include "engine/local/event_queue.h"
#include "engine/local/text_engine.h"
#include "engine/memory_plan.h"
#include "engine/sampling/recommended_sampling.h"
#include "engine/speculation/mtp_drafter.h"
#include "engine/speculation/ngram_drafter.h"
#include "engine/what_fits.h"

namespace ferrum {
namespace {

LoopOptions loop_options(const EngineOptions& options, const Runner& runner, LoopObserver* observer) {
  const RunnerOptions& room = runner.options();
  return {.limits = {.batch_tokens = room.max_tokens,
                     .max_sequences = room.max_sequences,
                     .block_tokens = room.block_tokens,
                     .spare_rows = room.max_outputs - room.max_sequences},
          .cache =
              runner.cache_options(options.prefix_cache ? PrefixCache::Reuse::kOn : PrefixCache::Reuse::kOff),
          .draft_tokens = options.draft_tokens,
          .observer = observer};
}

void require_known_speculation(const EngineOptions& options) {
  const std::string& s = options.speculate;
  if (!s.empty() && s != "ngram" && s != "mtp" && s != "draft")
    fail(ErrorCode::kBadArgument, "speculate {}: there are ngram, mtp and draft", in_quotes(s));
  if ((s == "draft") != !options.draft.empty())
    fail(
        ErrorCode::kBadArgument, "{}",
        s == "draft" ? "speculate \"draft\" needs a draft model" : "a draft model needs speculate \"draft\"");
}

// Null where a model answers.
std::unique_ptr<Replay> replay_of(const EngineOptions& options) {
  if (options.replay.answers.empty()) return nullptr;
  if (!options.model.empty())
    fail(ErrorCode::kBadArgument, "recorded answers and a model cannot be loaded together");
  if (!options.draft.empty()) fail(ErrorCode::kBadArgument, "recorded answers have no draft model");
  if (options.speculate == "mtp")
    fail(ErrorCode::kBadArgument, "recorded answers have no head that predicts further tokens");
  return std::make_unique<Replay>(options.replay);
}

// What a model would end its answers with.
TokenId answer_end(const PromptBuilder& prompts) {
  return prompts.turn_end().value_or(prompts.tokenizer()->special().eos.value());
}

// Of several models one after the other.
class LoadSteps {
 public:
  LoadSteps(LoadProgress observer, uint64_t total) : observer_(std::move(observer)), total_(total) {}
  LoadProgress next(uint64_t bytes) {
    const uint64_t before = std::exchange(done_, done_ + bytes);
    if (!observer_) return {};
    return [this, before](uint64_t done, uint64_t) { observer_(before + done, total_); };
  }

 private:
  LoadProgress observer_;
  uint64_t total_;
  uint64_t done_ = 0;
};

}  // namespace

std::unique_ptr<Engine> Engine::load(const EngineOptions& options, const LoadObserver& observer) {
  if (!options.replay.answers.empty()) return std::make_unique<LocalEngine>(options, observer);
  std::shared_ptr<const Checkpoint> checkpoint =
      Checkpoint::open(options.model, {.mtp = CheckpointParts::demand_if(options.speculate == "mtp")});
  if (reads_texts(checkpoint->model(), options))
    return std::make_unique<TextEngine>(std::move(checkpoint), options, observer);
  return std::make_unique<LocalEngine>(options, observer, std::move(checkpoint));
}

void Engine::generate(Request request, const std::function<void(const Event&)>& on_event,
                      const std::stop_token& cancel) {
  if (cancel.stop_requested()) return on_event(FinishEvent{.reason = FinishReason::kCancelled});
  const std::unique_ptr<EventStream> stream = submit(std::move(request));
  const std::stop_callback on_cancel(cancel, [&] { stream->cancel(); });
  while (const std::optional<Event> event = stream->next()) on_event(*event);
}

LocalEngine::LocalEngine(const EngineOptions& options, const LoadObserver& observer,
                         std::shared_ptr<const Checkpoint> checkpoint)
    : replay_(replay_of(options)),
      checkpoint_(replay_ ? replay_->checkpoint() : std::move(checkpoint)),
      prompts_(*checkpoint_) {
  const ModelDescription& model = checkpoint_->model();
  require_known_speculation(options);
  std::shared_ptr<SplitBackend> split;
  std::shared_ptr<Backend> backend;
  const BackendOptions named = {options.backend, options.threads, options.activations, options.check};
  if (options.device_memory > 0)
    backend = split = make_split_backend(named);
  else
    backend = make_backend(named);
  const auto* const report = dynamic_cast<const DeviceReport*>(backend.get());

  std::vector<WeightSource> weights;
  if (!replay_) weights = weights_of(*checkpoint_);
  if (!options.draft.empty()) {
    draft_.emplace(options.draft, *checkpoint_, prompts_.tokenizer());
    std::ranges::move(weights_of(draft_->checkpoint()), std::back_inserter(weights));
  }
  const uint64_t free = backend->free_bytes();
  const DeviceMemory device = {.kernels = backend->kernel_memory_for(weights),
                               .growth = backend->growth_of(weights),
                               .free = split ? std::min<uint64_t>(options.device_memory, free) : free,
                               .adapters = planned_adapters(options, *backend),
                               .kv_layout = backend->kv_layout()};
  const RunnerOptions runner = roomy_runner_options(options, model, [&](const RunnerOptions& roomy) {
    plan(roomy, device);
    return memory_.total() <= memory_.free;
  });
  if (memory_.tokens != runner.kv_tokens) plan(runner, device);
  if (split && memory_.total() > memory_.free) leave_on_host(*split);
  info_ = info_of(runner);
  if (observer.planned) observer.planned(info_, memory_);
  if (memory_.total() > memory_.free) {
    const uint64_t draft = draft_ ? draft_->memory(device.kv_layout).total() : 0;
    require_fit(memory_, model,
                remedies_text(what_fits(*checkpoint_, options, device, draft), options, info_.context));
  }

  // Each model has an observer of its own, so that the trace distinguishes them.
  std::shared_ptr<Backend> draft_backend = backend;
  if (!options.trace.empty()) {
    trace_ = std::make_unique<EngineTrace>(options.trace);
    draft_backend = trace_->watch(backend, "draft");
    backend = trace_->watch(backend, "forward");
  }
  LoadSteps progress(observer.progress, checkpoint_->bytes() + (draft_ ? draft_->checkpoint().bytes() : 0));
  runner_ = std::make_unique<Runner>(backend, checkpoint_, runner, [&](const DecoderLimits& limits) {
    return replay_ ? replay_->model(*backend, limits)
                   : ferrum::load_model(*backend, *checkpoint_, limits, progress.next(checkpoint_->bytes()));
  });
  const LoopOptions loop = loop_options(options, *runner_, trace_.get());
  if (draft_) draft_->load(draft_backend, loop.cache.reuse, progress.next(draft_->checkpoint().bytes()));
  if (options.speculate == "ngram") own_drafter_ = std::make_unique<NgramDrafter>();
  if (options.speculate == "mtp") own_drafter_ = std::make_unique<MtpDrafter>(*runner_);
  start(*runner_, *runner_, loop, options, report);
}

LocalEngine::LocalEngine(const LoadedModel& model, const EngineOptions& options)
    : checkpoint_(model.checkpoint), prompts_(*checkpoint_) {
  info_ = info_of(model.runner.options());
  start(model.steps, model.runner, loop_options(options, model.runner, nullptr), options);
}

void LocalEngine::plan(const RunnerOptions& runner, const DeviceMemory& device) {
  memory_ = memory_plan(*checkpoint_, runner, device);
  if (!draft_) return;
  draft_->run_beside(runner);
  memory_ += draft_->memory(device.kv_layout);
}

// Those of a draft model stay on the device.
void LocalEngine::leave_on_host(SplitBackend& backend) {
  const std::vector<WeightSource> weights = weights_of(*checkpoint_);
  // Norms and the like are in the checkpoint's bytes, and are no weights.
  const uint64_t listed = Placement(weights, std::numeric_limits<uint64_t>::max()).device_bytes();
  const uint64_t others = memory_.total() - std::min(listed, checkpoint_->bytes());
  const Placement placement(weights, memory_.free - std::min(memory_.free, others));
  memory_.on_host = placement.host_bytes();
  memory_.weights -= std::min(memory_.weights, memory_.on_host);
  if (const uint64_t free = backend.host().free_bytes(); memory_.on_host > free)
    fail(ErrorCode::kNoMemory, "{} of weights do not fit into the device's memory, and the CPU has {} free",
         human_bytes(memory_.on_host), human_bytes(free));
  backend.place(placement);
}

ModelInfo LocalEngine::info_of(const RunnerOptions& runner) const {
  const ModelDescription& model = checkpoint_->model();
  return {.name = model.name,
          .architecture = std::string(name_of(*model.architecture)),
          .format = checkpoint_->format(),
          .parameters = model.parameters,
          .hidden = model.hidden,
          .context = runner.max_context,
          .has_chat_template = prompts_.has_template(),
          .reasons = prompts_.thoughts() != nullptr,
          .infills = prompts_.infills(),
          .template_switches = prompts_.template_switches(),
          .has_tool_turns = prompts_.has_tool_turns(),
          .tool_format = prompts_.format().family};
}

void LocalEngine::start(StepRunner& steps, Runner& runner, const LoopOptions& loop,
                        const EngineOptions& options, const DeviceReport* device) {
  recommended_ = ferrum::recommended_sampling(checkpoint_->generation());
  if (replay_) replay_->encode(*prompts_.tokenizer(), answer_end(prompts_));
  admission_ = std::make_unique<Admission>(
      *checkpoint_, prompts_,
      Admission::Limits{.context = info_.context, .block_tokens = loop.limits.block_tokens}, replay_.get());
  if (runner.model().adapters() != nullptr) {
    adapters_ = std::make_unique<AdapterStore>(
        runner, options.adapter_memory, [this](FunctionRef<void()> work) { thread_->between_steps(work); });
    admission_->use(*adapters_);
  }
  thread_ = std::make_unique<EngineThread>(
      EngineThread::Parts{.steps = steps,
                          .backend = runner.backend(),
                          .tokenizer = prompts_.tokenizer(),
                          .drafter = draft_ ? &draft_->drafter() : own_drafter_.get(),
                          .between_steps =
                              [this] {
                                if (adapters_) adapters_->reclaim();
                              },
                          .device = device},
      loop, EngineThread::Options{.queue = options.queue, .stall_seconds = options.stall_seconds});
  for (const NamedAdapter& adapter : options.adapters) load_adapter(adapter.name, adapter.path, false);
}

AdapterStore& LocalEngine::adapter_store() {
  if (!adapters_) fail(ErrorCode::kBadArgument, "the model was loaded without room for adapters");
  return *adapters_;
}

void LocalEngine::load_adapter(const std::string& name, const std::filesystem::path& path, bool replace) {
  adapter_store().load(name, path,
                       replace ? AdapterStore::IfThere::kReplaced : AdapterStore::IfThere::kRefused);
}

std::vector<AdapterInfo> LocalEngine::adapters() const {
  return adapters_ ? adapters_->all() : std::vector<AdapterInfo>();
}

std::unique_ptr<EventStream> LocalEngine::submit(Request request) {
  std::vector<Request> one;
  one.push_back(std::move(request));
  return std::move(submit_batch(std::move(one)).front());
}

std::vector<std::unique_ptr<EventStream>> LocalEngine::submit_batch(std::vector<Request> requests) {
  std::vector<std::unique_ptr<EventStream>> streams;
  std::shared_ptr<void> place;
  try {
    place = thread_->place_in_queue();
  } catch (const Error& e) {
    for (size_t i = 0; i < requests.size(); ++i) streams.push_back(refused(e));
    thread_->count_refused(static_cast<int64_t>(requests.size()));
    return streams;
  }
  for (Request& request : requests) streams.push_back(submit(std::move(request), place));
  thread_->wake();
  return streams;
}

std::unique_ptr<EventStream> LocalEngine::submit(Request request, const std::shared_ptr<void>& place) {
  const auto queue = std::make_shared<EventQueue>(std::max(1, request.choices));
  auto stream = std::make_unique<QueuedStream>(queue);
  if (const std::shared_ptr<Job> job = admission_->admit(std::move(request), queue)) {
    job->place = place;
    thread_->send(job);
  } else {
    thread_->count_refused(1);
  }
  return stream;
}

std::unique_ptr<EventStream> LocalEngine::submit_texts(TextRequest /*request*/) {
  thread_->count_refused(1);
  return refused({ErrorCode::kBadArgument,
                  fmt::format("{} generates text; its files name no pooling and no classifier, so it makes "
                              "no embeddings and no scores",
                              info_.name)});
}

SavedSession LocalEngine::save_session(const Session& session, const std::filesystem::path& path) {
  Request request;
  request.prompt = session.prompt;
  if (prompts_.vectors(request.prompt))
    fail(ErrorCode::kBadArgument, "a session's prompt is tokens: one with vectors is not saved");
  const std::vector<TokenId> prompt = prompts_.tokens(request);
  const std::shared_ptr<const AdapterInUse> adapter =
      session.adapter.empty() ? nullptr : adapter_store().use(session.adapter);
  const SessionHeader header = {kv_origin(),
                                cache_salt(adapter.get(), session.adapter_scale, session.cache_salt),
                                session.application_data};
  return ferrum::save_session(kv_store(), prompt, header, path);
}

LoadedSession LocalEngine::load_session(const std::filesystem::path& path) {
  const SessionFile file = SessionFile::open(path);
  require_same(file.header().origin, kv_origin(), in_quotes(path.string()));
  LoadedSession loaded = ferrum::load_session(kv_store(), file, path);
  loaded.cache_salt = request_salt(loaded.cache_salt);
  return loaded;
}

KvStore LocalEngine::kv_store() {
  return {*runner_, thread_->cache(), [this](FunctionRef<void()> work) { thread_->between_steps(work); }};
}

const KvOrigin& LocalEngine::kv_origin() {
  const std::lock_guard lock(origin_mutex_);
  if (!origin_) origin_ = origin_of(*runner_, runner_->backend().arithmetic());
  return *origin_;
}

}  // namespace ferrum
