#include "engine/local_engine.h"

#include <algorithm>
#include <limits>
#include <random>
#include <utility>

#include "base/error.h"
#include "base/log.h"
#include "base/machine.h"
#include "engine/backend_factory.h"
#include "engine/best_of.h"
#include "engine/event_queue.h"
#include "engine/memory_plan.h"
#include "engine/sampling/recommended_sampling.h"
#include "engine/sampling/sampling_options.h"
#include "engine/speculation/ngram_drafter.h"
#include "engine/what_fits.h"
#include "text/end_tokens.h"

namespace ferrum {
namespace {

constexpr int kMaxChoices = 128;
constexpr size_t kLeastToShift = 32;  // tokens of a context
constexpr int kMaxPriority = 1000;
constexpr double kMaxDeadline = 1e6;

template <class T>
void require_from_to(const char* name, T value, T least, T most) {
  if (!(value >= least && value <= most))
    fail(ErrorCode::kBadArgument, "{} must be from {} to {}, not {}", name, least, most, value);
}

uint64_t drawn_seed() {
  std::random_device device;
  return (uint64_t{device()} << 32) | device();
}

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
  if (!s.empty() && s != "ngram" && s != "draft")
    fail(ErrorCode::kBadArgument, "speculate {}: there are ngram and draft", in_quotes(s));
  if ((s == "draft") != !options.draft.empty())
    fail(
        ErrorCode::kBadArgument, "{}",
        s == "draft" ? "speculate \"draft\" needs a draft model" : "a draft model needs speculate \"draft\"");
}

struct ContextFull : Error {
  explicit ContextFull(const ContextOverflow& numbers)
      : Error(
            ErrorCode::kContextFull,
            fmt::format("the prompt has {} tokens: the context holds {}, with a token of the answer at least",
                        numbers.prompt, numbers.context)),
        overflow(numbers) {}
  ContextOverflow overflow;
};

std::unique_ptr<EventStream> refused(const ErrorEvent& error) {
  const auto queue = std::make_shared<EventQueue>(1);
  queue->push(error);
  return std::make_unique<QueuedStream>(queue);
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
  return std::make_unique<LocalEngine>(options, observer);
}

void Engine::generate(Request request, const std::function<void(const Event&)>& on_event,
                      const std::stop_token& cancel) {
  if (cancel.stop_requested()) return on_event(FinishEvent{.reason = FinishReason::kCancelled});
  const std::unique_ptr<EventStream> stream = submit(std::move(request));
  const std::stop_callback on_cancel(cancel, [&] { stream->cancel(); });
  while (const std::optional<Event> event = stream->next()) on_event(*event);
}

LocalEngine::LocalEngine(const EngineOptions& options, const LoadObserver& observer)
    : checkpoint_(Checkpoint::open(options.model)), prompts_(*checkpoint_), queue_(options.queue) {
  const ModelDescription& model = checkpoint_->model();
  require_known_speculation(options);
  const BackendOptions backend_options = {options.backend, options.threads, options.activations,
                                          options.check};
  std::shared_ptr<Backend> backend = make_backend(backend_options);
  arithmetic_ = arithmetic_of(backend_options);

  const RunnerOptions runner = roomy_runner_options(options, model, [&](const RunnerOptions& roomy) {
    plan(options, roomy, *backend);
    return memory_.total() <= memory_.free;
  });
  if (memory_.tokens != runner.kv_tokens) plan(options, runner, *backend);
  info_ = info_of(runner);
  if (observer.planned) observer.planned(info_, memory_);
  if (memory_.total() > memory_.free) {
    const uint64_t others =
        (draft_ ? draft_->memory().total() : 0) + backend->kernel_memory_for(weights_of(*checkpoint_));
    require_fit(
        memory_, model,
        remedies_text(what_fits(*checkpoint_, options, memory_.free, others), options, info_.context));
  }

  // Each model has an observer of its own, so that the trace distinguishes them.
  std::shared_ptr<Backend> draft_backend = backend;
  if (!options.trace.empty()) {
    trace_ = std::make_unique<EngineTrace>(options.trace);
    draft_backend = trace_->watch(backend, "draft");
    backend = trace_->watch(backend, "forward");
  }
  LoadSteps progress(observer.progress, memory_.weights);
  runner_ = std::make_unique<Runner>(backend, checkpoint_, runner, progress.next(checkpoint_->bytes()));
  const LoopOptions loop = loop_options(options, *runner_, trace_.get());
  if (draft_) draft_->load(draft_backend, loop.cache.reuse, progress.next(draft_->memory().weights));
  if (options.speculate == "ngram") ngrams_ = std::make_unique<NgramDrafter>();
  start(*runner_, loop, options);
}

LocalEngine::LocalEngine(const LoadedModel& model, const EngineOptions& options)
    : checkpoint_(model.checkpoint), prompts_(*checkpoint_), queue_(options.queue) {
  info_ = info_of(model.runner.options());
  start(model.steps, loop_options(options, model.runner, nullptr), options);
}

void LocalEngine::plan(const EngineOptions& options, const RunnerOptions& runner, const Backend& backend) {
  std::vector<WeightSource> weights = weights_of(*checkpoint_);
  if (!options.draft.empty()) {
    draft_.emplace(options.draft, *checkpoint_, prompts_.tokenizer(), runner);
    std::ranges::move(weights_of(draft_->checkpoint()), std::back_inserter(weights));
  }
  memory_ =
      memory_plan(*checkpoint_, runner,
                  DeviceMemory{.kernels = backend.kernel_memory_for(weights), .free = backend.free_bytes()});
  if (draft_) memory_ += draft_->memory();
}

ModelInfo LocalEngine::info_of(const RunnerOptions& runner) const {
  const ModelDescription& model = checkpoint_->model();
  return {.name = model.name,
          .architecture = std::string(name_of(*model.architecture)),
          .format = checkpoint_->format(),
          .parameters = model.parameters,
          .context = runner.max_context,
          .has_chat_template = prompts_.has_template(),
          .reasons = prompts_.tokenizer() && reasoning_marks(*prompts_.tokenizer()),
          .infills = prompts_.infills(),
          .template_switches = prompts_.template_switches(),
          .has_tool_turns = prompts_.has_tool_turns()};
}

void LocalEngine::start(StepRunner& steps, const LoopOptions& loop, const EngineOptions& options) {
  if (!(options.stall_seconds > 0))
    fail(ErrorCode::kBadArgument, "stall_seconds must be more than 0, not {}", options.stall_seconds);
  recommended_ = ferrum::recommended_sampling(checkpoint_->generation());
  stop_tokens_ = checkpoint_->generation().stop_tokens;
  if (const Tokenizer* tokenizer = prompts_.tokenizer()) {
    if (tokenizer->special().eos) stop_tokens_.push_back(*tokenizer->special().eos);
    if (checkpoint_->generation().may_lack_stop_tokens)
      for (const TokenId id : known_ends(*tokenizer)) stop_tokens_.push_back(id);
  }
  if (prompts_.turn_end()) stop_tokens_.push_back(*prompts_.turn_end());
  std::sort(stop_tokens_.begin(), stop_tokens_.end());
  stop_tokens_.erase(std::unique(stop_tokens_.begin(), stop_tokens_.end()), stop_tokens_.end());

  watchdog_ = std::make_unique<Watchdog>(
      Watchdog::Options{.limit = options.stall_seconds,
                        .state = [this] { return state(); },
                        .report = [](const std::string& text) { log::error("{}", text); }});
  watched_ = std::make_unique<WatchedRunner>(steps, *watchdog_);
  loop_ = std::make_unique<Loop>(*watched_, prompts_.tokenizer(), loop,
                                 draft_ ? &draft_->drafter() : ngrams_.get());
  stats_ = loop_->stats();
  // The other threads of a pool that fills the cores are bound to theirs; this one would be moved about among
  // them whenever a client's thread wakes.
  const std::vector<std::vector<int>> cores = cores_of(allowed_cpus());
  if (options.threads == 0 || options.threads == static_cast<int>(cores.size())) cpus_ = cores.front();
  thread_ = std::jthread([this](const std::stop_token& stop) { work(stop); });
}

LocalEngine::~LocalEngine() {
  thread_.request_stop();
  thread_.join();
  watchdog_.reset();  // before what its reports look at
}

// A stop token that is ignored is never drawn, for what a model says after one is no continuation.
SequenceFacts LocalEngine::facts_of(const Request& request, size_t prompt_tokens) {
  SequenceFacts facts = {.prompt_tokens = prompt_tokens,
                         .min_tokens = static_cast<size_t>(request.min_tokens),
                         .ends = request.stop_tokens,
                         .breakers = breakers_of(request.sampling)};
  // Control tokens have no text in which a stop string could be found.
  if (const Tokenizer* tokenizer = prompts_.tokenizer())
    for (const std::string& stop : request.stop)
      if (const auto id = tokenizer->find(stop); id && tokenizer->kind(*id) == TokenKind::kControl)
        facts.ends.push_back(*id);
  if (request.end_of_text == Request::EndOfText::kIgnored)
    facts.forbidden = stop_tokens_;
  else
    facts.ends.insert(facts.ends.end(), stop_tokens_.begin(), stop_tokens_.end());
  return facts;
}

std::shared_ptr<const DryBreakers> LocalEngine::breakers_of(const SamplingOptions& sampling) {
  if (sampling.dry_multiplier == 0 || sampling.dry_breakers.empty() || !prompts_.tokenizer()) return nullptr;
  const std::lock_guard lock(breakers_mutex_);
  if (!breakers_ || breaker_strings_ != sampling.dry_breakers) {
    breakers_ = std::make_shared<const DryBreakers>(*prompts_.tokenizer(), sampling.dry_breakers);
    breaker_strings_ = sampling.dry_breakers;
  }
  return breakers_;
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
    place = place_in_queue();
  } catch (const Error& e) {
    const ErrorEvent error = {std::string(name_of(e.code())), e.what()};
    for (size_t i = 0; i < requests.size(); ++i) streams.push_back(refused(error));
    const std::lock_guard lock(mutex_);
    refused_ += static_cast<int64_t>(requests.size());
    return streams;
  }
  for (Request& request : requests) streams.push_back(submit(std::move(request), place));
  arrived_.notify_one();
  return streams;
}

std::shared_ptr<void> LocalEngine::place_in_queue() {
  const int taken = places_taken_->fetch_add(1);
  std::shared_ptr<void> place(nullptr, [count = places_taken_](void*) { --*count; });
  if (taken >= queue_) fail(ErrorCode::kQueueFull, "{} requests wait already: try again later", taken);
  return place;
}

std::unique_ptr<EventStream> LocalEngine::submit(Request request, const std::shared_ptr<void>& place) {
  const auto queue = std::make_shared<EventQueue>(std::max(1, request.choices));
  auto stream = std::make_unique<QueuedStream>(queue);
  const auto refuse = [&](const ErrorEvent& error) {
    queue->push(error);
    const std::lock_guard lock(mutex_);
    ++refused_;
  };
  try {
    const std::shared_ptr<Job> job = job_for(std::move(request), queue);
    job->place = place;
    const std::lock_guard lock(mutex_);
    inbox_.push_back(job);
  } catch (const ContextFull& e) {
    refuse({std::string(name_of(e.code())), e.what(), e.overflow});
  } catch (const Error& e) {
    refuse({std::string(name_of(e.code())), e.what()});
  } catch (const std::bad_alloc&) {
    refuse({std::string(name_of(ErrorCode::kNoMemory)), "out of memory for this request"});
  }
  return stream;
}

std::shared_ptr<Job> LocalEngine::job_for(Request request, std::shared_ptr<EventSink> sink) {
  validate(request, checkpoint_->model().vocab);
  require_from_to("choices", request.choices, 1, kMaxChoices);
  if (request.best_of != 0) require_from_to("best_of", request.best_of, request.choices, kMaxChoices);
  require_from_to("max_thought_tokens", request.max_thought_tokens, -1, std::numeric_limits<int>::max());
  require_from_to("priority", request.priority, -kMaxPriority, kMaxPriority);
  require_from_to("deadline_seconds", request.deadline_seconds, 0.0, kMaxDeadline);
  StopStrings{request.stop};  // throws here and not on the loop's thread

  auto job = std::make_shared<Job>();
  job->prompt = prompts_.tokens(request);
  set_limits(*job, request);
  job->facts = facts_of(request, job->prompt.size());
  if (prompts_.tokenizer()) job->reasoning = reasoning_marks(*prompts_.tokenizer());
  if (job->reasoning && request.max_thought_tokens >= 0)
    job->facts.thoughts = ThoughtBudget{.begin = job->reasoning->begin,
                                        .end = job->reasoning->end,
                                        .tokens = static_cast<size_t>(request.max_thought_tokens),
                                        .prompt_is_open = Reasoning(job->reasoning, job->prompt).inside()};
  job->root = cache_root(request.cache_salt);
  job->seed = request.sampling.seed ? *request.sampling.seed : drawn_seed();
  if (request.deadline_seconds > 0)
    job->deadline = job->submitted + std::chrono::duration_cast<Clock::duration>(
                                         std::chrono::duration<double>(request.deadline_seconds));
  if (request.best_of > request.choices) {
    sink = std::make_shared<BestOf>(std::move(sink),
                                    BestOf::Counts{.drawn = request.best_of, .kept = request.choices},
                                    request.logprobs ? BestOf::Tokens::kTold : BestOf::Tokens::kKept);
    request.choices = request.best_of;
    if (!request.logprobs) request.logprobs = 0;
  }
  job->sink = std::move(sink);
  job->request = std::move(request);
  return job;
}

void LocalEngine::set_limits(Job& job, const Request& request) const {
  const auto context = static_cast<size_t>(info_.context);
  const bool shifts = request.context_end == Request::ContextEnd::kShifts;
  const bool ends = request.max_tokens >= 0;
  const size_t wanted = ends ? static_cast<size_t>(request.max_tokens) : 1;
  if (job.prompt.size() + std::min<size_t>(wanted, 1) > context)
    throw ContextFull({.prompt = static_cast<int>(job.prompt.size()),
                       .max_tokens = request.max_tokens,
                       .context = info_.context});
  job.limit = ends ? job.prompt.size() + wanted : std::numeric_limits<size_t>::max();
  if (!shifts) {
    job.limit = std::min(job.limit, context);
    return;
  }
  if (context < kLeastToShift)
    fail(ErrorCode::kBadArgument, "a context of {} tokens is too small to shift", context);
  require_from_to("keep_tokens", request.keep_tokens, 0, std::numeric_limits<int>::max());
  // Something must be left to go, and something to go on from.
  job.shift = {.context = context,
               .keep = std::min({static_cast<size_t>(request.keep_tokens), job.prompt.size(),
                                 context - kLeastToShift / 2})};
}

EngineStats LocalEngine::stats() const {
  EngineStats stats;
  {
    const std::lock_guard lock(mutex_);
    stats = stats_;
    stats.waiting += static_cast<int>(inbox_.size());
    stats.refused = refused_;
  }
  stats.seconds_in_step = watchdog_->seconds_in_turn();
  stats.stalled = watchdog_->stalled();
  return stats;
}

std::string LocalEngine::state() const {
  const EngineStats s = stats();
  return fmt::format(
      "After {} steps {} sequences run and {} wait; of the blocks {} are used, {} cached, {} free.", s.steps,
      s.running, s.waiting, s.used_blocks, s.cached_blocks, s.free_blocks);
}

SavedSession LocalEngine::save_session(const Session& session, const std::filesystem::path& path) {
  Request request;
  request.prompt = session.prompt;
  const std::vector<TokenId> prompt = prompts_.tokens(request);
  const SessionHeader header = {kv_origin(), session.cache_salt, session.application_data};
  return ferrum::save_session(kv_store(), prompt, header, path);
}

LoadedSession LocalEngine::load_session(const std::filesystem::path& path) {
  const SessionFile file = SessionFile::open(path);
  require_same(file.header().origin, kv_origin(), in_quotes(path.string()));
  return ferrum::load_session(kv_store(), file, path);
}

KvStore LocalEngine::kv_store() {
  return {*runner_, loop_->cache(), [this](FunctionRef<void()> work) { between_steps(work); }};
}

const KvOrigin& LocalEngine::kv_origin() {
  const std::lock_guard lock(origin_mutex_);
  if (!origin_) origin_ = origin_of(*runner_, arithmetic_);
  return *origin_;
}

void LocalEngine::between_steps(FunctionRef<void()> work) {
  Visit visit = {work, {}};
  std::future<void> done = visit.done.get_future();
  {
    const std::lock_guard lock(mutex_);
    visits_.push_back(std::move(visit));
  }
  arrived_.notify_one();
  done.get();
}

void LocalEngine::receive(Visit& visit) {
  try {
    visit.work();
    visit.done.set_value();
  } catch (...) {
    visit.done.set_exception(std::current_exception());
  }
}

void LocalEngine::work(const std::stop_token& stop) {
  bind_this_thread(cpus_);
  std::vector<std::shared_ptr<Job>> arrived;
  std::vector<Visit> visits;
  while (!stop.stop_requested()) {
    {
      std::unique_lock lock(mutex_);
      stats_ = loop_->stats();
      if (loop_->idle()) {
        watchdog_->rest();
        arrived_.wait(lock, stop, [&] { return !inbox_.empty() || !visits_.empty(); });
      }
      arrived.swap(inbox_);
      visits.swap(visits_);
      stats_.waiting += static_cast<int>(arrived.size());
    }
    watchdog_->begin_turn();
    for (const std::shared_ptr<Job>& job : arrived) loop_->add(job);
    arrived.clear();
    for (Visit& visit : visits) receive(visit);
    visits.clear();
    loop_->step();
  }
  const ErrorEvent error = {std::string(name_of(ErrorCode::kUnavailable)), "the engine was closed"};
  const std::lock_guard lock(mutex_);
  for (const std::shared_ptr<Job>& job : inbox_) loop_->add(job);
  for (Visit& visit : visits_)
    visit.done.set_exception(std::make_exception_ptr(Error(ErrorCode::kUnavailable, error.message)));
  loop_->fail_all(error);
}

}  // namespace ferrum
