// An engine without a model: sends scripted events and records its requests.
#pragma once
#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "ferrum/engine.h"

namespace ferrum::test {

// One request as the engine has it.
class FakeAnswer {
 public:
  explicit FakeAnswer(Request request) : request(std::move(request)) {}

  const Request request;

  void tell(Event event);  // an ErrorEvent, or the FinishEvent of the last choice, is the end
  bool cancelled() const;
  // Whether the reader cancelled or left within this time.
  bool is_cancelled_within(std::chrono::milliseconds patience);

 private:
  friend class FakeEngine;
  friend class FakeStream;
  std::vector<Event> scripted_;  // events that the engine's thread has yet to send
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Event> events_;
  std::function<void()> on_event_;
  int finished_ = 0;  // choices
  bool told_all_ = false;
  bool cancelled_ = false;
};

class FakeEngine final : public Engine {
 public:
  using Script = std::function<std::vector<Event>(const Request&)>;

  // Answers every request with the script's events on a thread of its own; without one never, unless the test
  // does. A TextEvent is content where a request wants parts.
  explicit FakeEngine(Script script = {});
  ~FakeEngine() override;

  // The request that came as the number `index`; waits for it.
  std::shared_ptr<FakeAnswer> answer(size_t index = 0);
  size_t asked() const;

  void set_stats(const EngineStats& stats);

  // What submit() does first, for requests that take long to read. To be set before the first comes.
  std::function<void()> on_submit;
  // The model thinks. To be called before the first request.
  void reasons() { info_.reasons = true; }
  // What the chat template reads, and whether there are tokens to fill in the middle. The same holds.
  void set_template_switches(std::vector<std::string> names) { info_.template_switches = std::move(names); }
  void infills() { info_.infills = true; }
  // Tokens that prompt and answer have room for. The same holds.
  void set_context(int tokens) { info_.context = tokens; }
  void set_hidden(int width) { info_.hidden = width; }

  const ModelInfo& info() const override { return info_; }
  const MemoryPlan& memory() const override { return memory_; }
  SamplingOptions recommended_sampling() const override;
  std::vector<int32_t> tokens_of(const Prompt& prompt) const override;  // bytes
  std::string text_of(std::span<const int32_t> ids) const override;     // bytes
  std::string prompt_text(const Request& request) const;                // bytes
  // "role: (thought) content\n"…, the functions and the options.
  std::string render(const ChatPrompt& chat) const override;
  std::vector<int32_t> infill_tokens(const InfillPrompt& prompt) const override;  // <prefix|suffix>, bytes
  TokenText token(int32_t id) const override;
  TokenizerInfo tokenizer_info() const override;
  std::unique_ptr<EventStream> submit(Request request) override;
  std::vector<std::unique_ptr<EventStream>> submit_batch(std::vector<Request> requests) override;
  // Of embeddings: a text's number, its length, and 0.1, as many of them as there are to be dimensions. Of
  // states: [[1, 0.5], [3, 4]]. Of scores: the length of the text, or of the second of a pair.
  std::unique_ptr<EventStream> submit_texts(TextRequest request) override;
  // The model reads texts as a whole. To be called before the first request.
  void set_texts(TextUse use) { info_.texts = std::move(use); }
  TextRequest text_request() const;  // the last that came
  EngineStats stats() const override;
  // Any path but "broken".
  void load_adapter(const std::string& name, const std::filesystem::path& path, bool replace) override;
  void unload_adapter(const std::string& name) override;
  std::vector<AdapterInfo> adapters() const override;
  SavedSession save_session(const Session& session, const std::filesystem::path& path) override;  // none
  LoadedSession load_session(const std::filesystem::path& path) override;

 private:
  void run();

  ModelInfo info_ = {.name = "Fake",
                     .architecture = "none",
                     .format = "none",
                     .parameters = 1,
                     .context = 64,
                     .has_chat_template = true};
  const MemoryPlan memory_ = {.weights = 1, .kv = 2, .activations = 3, .free = 4, .tokens = 64};
  Script script_;
  EngineStats stats_ = {.generated_tokens = 7};
  std::vector<AdapterInfo> adapters_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<std::shared_ptr<FakeAnswer>> answers_;
  size_t told_ = 0;  // answers
  TextRequest text_request_;
  bool ending_ = false;
  std::thread thread_;
};

// A piece of a thought.
Event thought(const std::string& text, int choice = 0);
// A whole call, whose arguments come in these pieces. Its id is "call_" with the numbers of choice and call.
std::vector<Event> call(int index, const std::string& name, const std::vector<std::string>& arguments,
                        int choice = 0);

// Scripts: nothing, for tests that send the events themselves;
std::vector<Event> nothing(const Request& request);
// "Hel", "lo" and the end, for each choice.
std::vector<Event> hello(const Request& request);
FinishEvent finish(int choice = 0, FinishReason reason = FinishReason::kStop);

}  // namespace ferrum::test
