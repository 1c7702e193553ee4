// The engine behind the public interface: one model, one thread that runs the loop.
#pragma once
#include <atomic>
#include <condition_variable>
#include <future>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "base/function_ref.h"
#include "engine/engine_trace.h"
#include "engine/kv_store.h"
#include "engine/loop.h"
#include "engine/prompt_builder.h"
#include "engine/runner.h"
#include "engine/speculation/draft_model.h"
#include "engine/watchdog.h"
#include "ferrum/engine.h"

namespace ferrum {

class LocalEngine final : public Engine {
 public:
  LocalEngine(const EngineOptions& options, const LoadObserver& observer);
  // A model that is there already, and outlives the engine.
  struct LoadedModel {
    std::shared_ptr<const Checkpoint> checkpoint;
    const Runner& runner;
    StepRunner& steps;  // the runner, or who watches it
  };
  // Of the options, those that have to do with neither the model nor its memory; nothing is drafted.
  LocalEngine(const LoadedModel& model, const EngineOptions& options);
  // Requests that are left end with an error.
  ~LocalEngine() override;

  const ModelInfo& info() const override { return info_; }
  const MemoryPlan& memory() const override { return memory_; }
  SamplingOptions recommended_sampling() const override { return recommended_; }
  std::vector<int32_t> tokens_of(const Prompt& prompt) const override { return prompts_.tokens(prompt); }
  std::string text_of(std::span<const int32_t> ids) const override { return prompts_.text(ids); }
  std::string render(const ChatPrompt& chat) const override { return prompts_.render(chat).text(); }
  std::vector<int32_t> infill_tokens(const InfillPrompt& prompt) const override {
    return prompts_.tokens(prompt);
  }
  TokenText token(int32_t id) const override { return prompts_.token(id); }
  TokenizerInfo tokenizer_info() const override { return prompts_.tokenizer_info(); }
  std::unique_ptr<EventStream> submit(Request request) override;
  std::vector<std::unique_ptr<EventStream>> submit_batch(std::vector<Request> requests) override;
  EngineStats stats() const override;
  SavedSession save_session(const Session& session, const std::filesystem::path& path) override;
  LoadedSession load_session(const std::filesystem::path& path) override;

 private:
  struct Visit {
    FunctionRef<void()> work;
    std::promise<void> done;
  };
  // Runs `work` on the loop's thread between two steps, and waits for it. Throws what it throws; Error
  // kUnavailable where the engine is closing.
  void between_steps(FunctionRef<void()> work);
  static void receive(Visit& visit);
  KvStore kv_store();
  const KvOrigin& kv_origin();

  // What it all will take, with a draft model if there is one.
  void plan(const EngineOptions& options, const RunnerOptions& runner, const Backend& backend);
  // Throws Error for a request's mistakes.
  std::shared_ptr<Job> job_for(Request request, std::shared_ptr<EventSink> sink);
  // The stream of a request, which waits in the inbox or was refused.
  std::unique_ptr<EventStream> submit(Request request, const std::shared_ptr<void>& place);
  // A place in the queue, which is free again when the last copy of it is gone. Error kQueueFull.
  std::shared_ptr<void> place_in_queue();
  // How long the answers may become, by the context. Throws ContextFull.
  void set_limits(Job& job, const Request& request) const;
  SequenceFacts facts_of(const Request& request, size_t prompt_tokens);
  std::shared_ptr<const DryBreakers> breakers_of(const SamplingOptions& sampling);
  ModelInfo info_of(const RunnerOptions& runner) const;
  void start(StepRunner& steps, const LoopOptions& loop, const EngineOptions& options);
  void work(const std::stop_token& stop);
  std::string state() const;  // for people

  std::shared_ptr<const Checkpoint> checkpoint_;
  PromptBuilder prompts_;
  ModelInfo info_;
  MemoryPlan memory_;
  int queue_ = 0;  // places
  std::shared_ptr<std::atomic<int>> places_taken_ = std::make_shared<std::atomic<int>>(0);
  std::vector<int> cpus_;  // that the thread is bound to; none: any
  std::vector<TokenId> stop_tokens_;
  SamplingOptions recommended_;
  std::unique_ptr<EngineTrace> trace_;  // or null
  std::unique_ptr<Runner> runner_;      // none if it is another's
  std::unique_ptr<Watchdog> watchdog_;
  std::unique_ptr<WatchedRunner> watched_;
  std::optional<DraftModel> draft_;
  std::unique_ptr<Drafter> ngrams_;
  std::unique_ptr<Loop> loop_;  // the thread's alone

  std::mutex breakers_mutex_;
  std::vector<std::string> breaker_strings_;  // that breakers_ were made of
  std::shared_ptr<const DryBreakers> breakers_;

  std::string arithmetic_;
  std::mutex origin_mutex_;
  std::optional<KvOrigin> origin_;  // computed on first use, because much of the model's file is read for it

  mutable std::mutex mutex_;  // of what follows
  std::condition_variable_any arrived_;
  std::vector<std::shared_ptr<Job>> inbox_;
  std::vector<Visit> visits_;
  EngineStats stats_;  // as of the last step
  int64_t refused_ = 0;

  std::jthread thread_;  // last: it ends before the rest goes
};

}  // namespace ferrum
