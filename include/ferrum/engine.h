// The engine: a loaded model that answers requests.
#pragma once
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <stop_token>
#include <string>
#include <variant>
#include <vector>

#include "ferrum/histogram.h"
#include "ferrum/types.h"

namespace ferrum {

struct EngineOptions {
  std::filesystem::path model;  // a .gguf file or a Hugging Face folder
  std::string backend = "cpu";  // "cpu", or "reference" (slow, the specification)
  int threads = 0;              // 0: one for each physical core that this process may use
  int max_context = 0;          // tokens of one sequence; 0: what the model is made for, at most 8192
  int max_sequences = 1;        // computed together
  int kv_tokens = 0;            // in the KV cache, of all sequences; 0: up to four of max_context
  int queue = 256;              // requests that may wait; one more is refused
  bool prefix_cache = true;     // keeps what was computed for requests that begin alike
  // Guessing how answers go on, so that one step may give several tokens; the tokens are the same without.
  // "": no; "ngram": by what followed the last tokens before, for texts that repeat their prompt; "draft": by
  // a smaller model of the same vocabulary.
  std::string speculate;
  std::filesystem::path draft;  // that model
  int draft_tokens = 8;         // at most, of a sequence in one step
  double stall_seconds = 120;   // a step that takes longer is logged, with what it computes
  int batch_tokens = 512;       // rows of one step: how much of prompts is computed at once
  // Inputs of products with weights. "int8": quantised where the weights are; "bf16": the same, and rounded
  // to bf16 for BF16 weights where the CPU multiplies those faster; "f32": as they are (slower, closer).
  std::string activations = "int8";
  std::string kv_dtype = "f16";  // "f16", "bf16", "f32" or "int8"
  // Where to write what happened when, down to single operations, for ui.perfetto.dev; empty: nowhere. Costs
  // time (docs/observability.md).
  std::filesystem::path trace;
};

// What loading will take, and what the machine has, in bytes.
struct MemoryPlan {
  uint64_t weights = 0;
  uint64_t kv = 0;
  uint64_t activations = 0;
  uint64_t free = 0;
  int tokens = 0;  // that the KV cache has room for
  uint64_t total() const { return weights + kv + activations; }
  // A second model's, which keeps as many tokens.
  MemoryPlan& operator+=(const MemoryPlan& other) {
    weights += other.weights;
    kv += other.kv;
    activations += other.activations;
    return *this;
  }
};

struct ModelInfo {
  std::string name;
  std::string architecture;
  std::string format;  // "GGUF v3, Q4_K_M"
  int64_t parameters = 0;
  int context = 0;                 // tokens: prompt and answer together
  bool has_chat_template = false;  // of its own, or ChatML by its vocabulary
  bool reasons = false;  // has tokens <think> and </think>, between which it may think before it answers
};

// What a program may show while it waits. Both are called on the loading thread.
struct LoadObserver {
  std::function<void(const ModelInfo&, const MemoryPlan&)> planned;  // before anything is allocated
  std::function<void(uint64_t done, uint64_t total)> progress;       // bytes of weights
};

// Counted since the engine was loaded, and how things stand.
struct EngineStats {
  int64_t steps = 0;
  int64_t prompt_tokens = 0;
  int64_t cached_tokens = 0;  // of prompts: not computed again
  int64_t prefix_hits = 0;    // requests for which some of the prompt was not
  int64_t generated_tokens = 0;
  int64_t drafted_tokens = 0;   // tried by speculation
  int64_t accepted_tokens = 0;  // of those: they were right
  int64_t refused = 0;          // requests that were not accepted: a mistake in them, or a full queue
  int64_t finished = 0;         // those that were accepted end in one of three ways
  int64_t cancelled = 0;
  int64_t failed = 0;
  int64_t preemptions = 0;  // sequences that made room for others and were computed again
  // How long the step at hand has taken so far; 0 while there is nothing to do. `stalled`: longer than
  // EngineOptions::stall_seconds.
  double seconds_in_step = 0;
  bool stalled = false;
  int waiting = 0;
  int running = 0;
  int used_blocks = 0;
  int cached_blocks = 0;  // unused, but they may be asked for again
  int free_blocks = 0;

  Histogram queue_seconds{kSecondsBounds};        // of requests: from submission until the first step
  Histogram first_token_seconds{kSecondsBounds};  // of requests: from submission to the first token
  Histogram request_seconds{kSecondsBounds};      // of requests that finished: from submission to the end
  // Of answers: from each token to the next, no matter what else was computed meanwhile.
  Histogram inter_token_seconds{kTokenSecondsBounds};
  Histogram step_sequences{kCountBounds};  // of steps: the batch size
  Histogram step_tokens{kCountBounds};     // of steps: rows, of prompts and of answers
};

// A conversation, or any text, whose keys and values are to be kept in a file.
struct Session {
  std::variant<ChatPrompt, TextPrompt, TokenPrompt> prompt;
  std::string cache_salt;        // that of its requests
  std::string application_data;  // kept in the file, for whoever loads it: any bytes
};

struct SavedSession {
  int tokens = 0;        // of the prompt
  int saved_tokens = 0;  // of those, from the first on: what the prefix cache had, in whole blocks
  uint64_t bytes = 0;    // of the file
};

struct LoadedSession {
  int tokens = 0;         // in the file
  int cached_tokens = 0;  // of those, from the first on, that are in the prefix cache now: as many as fit
  std::string cache_salt;
  std::string application_data;
};

// The events of one request, for one reader at a time. What is not read waits here, at most an answer's
// length. Destroying it cancels the request.
class EventStream {
 public:
  virtual ~EventStream() = default;
  // Waits for the next event; nothing after the last, which is an ErrorEvent or the last choice's
  // FinishEvent.
  virtual std::optional<Event> next() = 0;
  // The same without waiting: nothing as well where none has come yet, which over() tells apart.
  virtual std::optional<Event> poll() = 0;
  virtual bool over() const = 0;  // the last event was read
  // For readers that serve many streams with one thread: `on_event` is called when an event comes and no
  // other waits to be read, and at once if one waits already. On the engine's thread, which it must not keep:
  // it wakes the reader, and does not touch the stream. Replaces an earlier one, which is not called any
  // more; an empty one ends it.
  virtual void subscribe(std::function<void()> on_event) = 0;
  // May be called by any thread. Events that are on their way still come, the last one included.
  virtual void cancel() = 0;
};

// Thread-safe, but for being destroyed.
class Engine {
 public:
  // Throws std::runtime_error with one clear message: a bad file or setting, too little memory (with the
  // numbers).
  static std::unique_ptr<Engine> load(const EngineOptions& options, const LoadObserver& observer = {});
  virtual ~Engine() = default;

  virtual const ModelInfo& info() const = 0;
  virtual const MemoryPlan& memory() const = 0;
  // The sampling options that the model's authors recommend, the engine's defaults where they are silent.
  virtual SamplingOptions recommended_sampling() const = 0;

  // Text and token ids. Thread-safe, on the caller's thread. Error kBadArgument without a tokenizer,
  // kBadTemplate.
  virtual std::vector<int32_t> tokens_of(const Prompt& prompt) const = 0;  // as the model would read it
  virtual std::string text_of(std::span<const int32_t> ids) const = 0;     // control tokens are spelled out
  virtual std::string render(const ChatPrompt& chat) const = 0;            // with its chat template

  // Puts a request into the queue and returns at once. If the request is refused, because of a mistake in it
  // or a full queue, the stream's first and only event is an ErrorEvent, which poll() gives as soon as this
  // returns. Requests that begin alike, such as the turns of a conversation, compute only what is new.
  virtual std::unique_ptr<EventStream> submit(Request request) = 0;
  virtual EngineStats stats() const = 0;

  // The same, calling `on_event` on this thread until the request is over.
  void generate(Request request, const std::function<void(const Event&)>& on_event,
                const std::stop_token& cancel = {});

  // Writes what the prefix cache holds of the prompt to a file, which replaces `path` once it is whole. What
  // is not in the cache is not computed. Steps go on between pieces of the work. Throws std::runtime_error: a
  // prompt's mistake, or what the system refuses.
  virtual SavedSession save_session(const Session& session, const std::filesystem::path& path) = 0;
  // Puts it back, in the place of what has not been used for longest: the next request that begins alike
  // finds it, and gets bit for bit what it would get without. Throws std::runtime_error, and changes nothing,
  // for a file that is damaged, of another version of the format, or was saved with another model, type of
  // keys and values, backend or precision.
  virtual LoadedSession load_session(const std::filesystem::path& path) = 0;
};

}  // namespace ferrum
