// The engine of a model that reads texts as a whole, behind the public interface.
#pragma once
#include <memory>
#include <optional>
#include <vector>

#include "engine/local/text_admission.h"
#include "engine/local/text_thread.h"
#include "engine/prompt_builder.h"
#include "ferrum/engine.h"

namespace ferrum {

// Whether an engine for texts runs this model: its files name a pooling or a classifier, or the options do.
bool reads_texts(const ModelDescription& model, const EngineOptions& options);

class TextEngine final : public Engine {
 public:
  // Errors as Engine::load.
  TextEngine(std::shared_ptr<const Checkpoint> checkpoint, const EngineOptions& options,
             const LoadObserver& observer);

  const ModelInfo& info() const override { return info_; }
  const MemoryPlan& memory() const override { return memory_; }
  SamplingOptions recommended_sampling() const override { return {}; }
  std::vector<int32_t> tokens_of(const Prompt& prompt) const override { return prompts_.tokens(prompt); }
  std::string text_of(std::span<const int32_t> ids) const override { return prompts_.text(ids); }
  std::string render(const ChatPrompt& chat) const override { return prompts_.render(chat).text(); }
  std::vector<int32_t> infill_tokens(const InfillPrompt& prompt) const override;
  TokenText token(int32_t id) const override { return prompts_.token(id); }
  TokenizerInfo tokenizer_info() const override { return prompts_.tokenizer_info(); }
  // Refused: the model generates no text.
  std::unique_ptr<EventStream> submit(Request request) override;
  std::vector<std::unique_ptr<EventStream>> submit_batch(std::vector<Request> requests) override;
  std::unique_ptr<EventStream> submit_texts(TextRequest request) override;
  EngineStats stats() const override { return thread_->stats(); }
  SavedSession save_session(const Session& session, const std::filesystem::path& path) override;
  LoadedSession load_session(const std::filesystem::path& path) override;
  void load_adapter(const std::string& name, const std::filesystem::path& path, bool replace) override;
  void unload_adapter(const std::string& name) override;
  std::vector<AdapterInfo> adapters() const override { return {}; }

 private:
  std::shared_ptr<const Checkpoint> checkpoint_;
  PromptBuilder prompts_;
  MemoryPlan memory_;
  ModelInfo info_;
  std::unique_ptr<TextEncoder> encoder_;
  std::unique_ptr<TextAdmission> admission_;
  std::unique_ptr<TextThread> thread_;  // last: it ends before the rest goes
};

}  // namespace ferrum
