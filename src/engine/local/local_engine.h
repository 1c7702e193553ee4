// The engine behind the public interface: a facade of what makes jobs of requests and of the thread that runs
// them on one model.
#pragma once
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "backend/split/split_backend.h"
#include "engine/kv_store.h"
#include "engine/local/adapter_store.h"
#include "engine/local/admission.h"
#include "engine/local/engine_thread.h"
#include "engine/local/engine_trace.h"
#include "engine/prompt_builder.h"
#include "engine/replay/replay.h"
#include "engine/runner.h"
#include "engine/speculation/draft_model.h"
#include "ferrum/engine.h"

namespace ferrum {

class LocalEngine final : public Engine {
 public:
  // `checkpoint`: the model's; null where answers are recorded.
  LocalEngine(const EngineOptions& options, const LoadObserver& observer,
              std::shared_ptr<const Checkpoint> checkpoint = nullptr);
  // A model that is there already, and outlives the engine.
  struct LoadedModel {
    std::shared_ptr<const Checkpoint> checkpoint;
    Runner& runner;
    StepRunner& steps;  // the runner, or who watches it
  };
  // Of the options, those that have to do with neither the model nor its memory; nothing is drafted.
  LocalEngine(const LoadedModel& model, const EngineOptions& options);

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
  std::unique_ptr<EventStream> submit_texts(TextRequest request) override;
  EngineStats stats() const override { return thread_->stats(); }
  void load_adapter(const std::string& name, const std::filesystem::path& path, bool replace) override;
  void unload_adapter(const std::string& name) override { adapter_store().unload(name); }
  std::vector<AdapterInfo> adapters() const override;
  SavedSession save_session(const Session& session, const std::filesystem::path& path) override;
  LoadedSession load_session(const std::filesystem::path& path) override;

 private:
  KvStore kv_store();
  AdapterStore& adapter_store();  // error kBadArgument where there is no room for adapters
  const KvOrigin& kv_origin();

  // What it all will take, with a draft model if there is one.
  void plan(const RunnerOptions& runner, const DeviceMemory& device);
  void leave_on_host(SplitBackend& backend);
  // The stream of a request, which waits in the inbox or was refused.
  std::unique_ptr<EventStream> submit(Request request, const std::shared_ptr<void>& place);
  ModelInfo info_of(const RunnerOptions& runner) const;
  void start(StepRunner& steps, Runner& runner, const LoopOptions& loop, const EngineOptions& options,
             const DeviceReport* device = nullptr);

  std::unique_ptr<Replay> replay_;  // or null
  std::shared_ptr<const Checkpoint> checkpoint_;
  PromptBuilder prompts_;
  ModelInfo info_;
  MemoryPlan memory_;
  SamplingOptions recommended_;
  std::unique_ptr<EngineTrace> trace_;  // or null
  std::unique_ptr<Runner> runner_;      // none if it is another's
  std::optional<DraftModel> draft_;
  std::unique_ptr<Drafter> own_drafter_;    // that needs no other model, or null
  std::unique_ptr<AdapterStore> adapters_;  // null: there is no room for them
  std::unique_ptr<Admission> admission_;

  std::mutex origin_mutex_;
  std::optional<KvOrigin> origin_;  // computed on first use, because much of the model's file is read for it

  std::unique_ptr<EngineThread> thread_;  // last: it ends before the rest goes
};

}  // namespace ferrum
