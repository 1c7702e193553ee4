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

// Recorded answers in place of a model's, through the engine and all that is above it: for testing formats
// (docs/agents.md).
struct ReplayOptions {
  std::filesystem::path answers;        // one in each line; empty: a model answers
  std::filesystem::path chat_template;  // a Jinja file; empty: ChatML
  int piece_bytes = 4;                  // 1 to 64: of a token of an answer's text
};

// A LoRA adapter: a folder as PEFT saves it, or a GGUF file (docs/adapters.md).
struct NamedAdapter {
  std::string name;
  std::filesystem::path path;
};

struct EngineOptions {
  std::filesystem::path model;  // a .gguf file or a Hugging Face folder
  ReplayOptions replay;
  std::string backend =
      "cpu";  // "cpu", "cuda", "cuda:1" (the second GPU), or "reference" (slow, the specification)
  // With a GPU: bytes of its memory that the model may take. Weights that do not fit stay on the CPU and are
  // multiplied there, those of experts first. 0: all must fit into what is free.
  uint64_t device_memory = 0;
  bool check =
      false;  // for looking for a fault: runs every operation on the reference as well, logs differences
  int threads = 0;           // 0: one for each physical core that this process may use
  int max_context = 0;       // tokens of one sequence; 0: what the model is made for, at most 8192
  int max_sequences = 1;     // computed together
  int kv_tokens = 0;         // in the KV cache, of all sequences; 0: up to four of max_context
  int queue = 256;           // requests that may wait; one more is refused
  bool prefix_cache = true;  // reuses keys and values of shared prompt prefixes
  // For models with recurrent layers: bytes of states that are kept for prompts that begin alike, beside
  // those of running sequences. A state is kept where the system's turn ends, where an answer begins and
  // where one stopped; the one used longest ago goes first.
  uint64_t state_cache = uint64_t{1} << 30;
  // Speculative decoding: a step may accept several drafted tokens; the output does not change. "": off;
  // "ngram": drafts from earlier occurrences of the last tokens, for answers that repeat the prompt; "mtp":
  // drafts from the model's own head for further tokens; "draft": from a smaller model of one vocabulary.
  std::string speculate;
  std::filesystem::path draft;  // the draft model
  int draft_tokens = 8;         // at most, per sequence and step
  // Adapters of the model. Those in memory at once: at most max_adapters (0: as many as are given here), and
  // of adapter_memory bytes; the one used longest ago goes first, and is read again when it is wanted.
  std::vector<NamedAdapter> adapters;
  int max_adapters = 0;
  uint64_t adapter_memory = uint64_t{1} << 30;
  double stall_seconds = 120;  // a longer step is logged with its contents
  int batch_tokens = 512;      // rows per step: bounds the size of a prefill chunk
  // Inputs of products with weights. "int8": quantised where the weights are; "bf16": the same, and rounded
  // to bf16 for BF16 weights where the CPU multiplies those faster; "f32": as they are (slower, closer).
  std::string activations = "int8";
  std::string kv_dtype = "f16";  // "f16", "bf16", "f32" or "int8"
  // How a text becomes one vector: "mean", "cls", "last" or "max"; "": as the model's files say, and a model
  // whose files name no pooling generates text; "none": a model that could do both generates text.
  std::string pooling;
  // The file for a trace of steps, requests and operations, for ui.perfetto.dev; empty: no trace. Tracing
  // costs time (docs/observability.md).
  std::filesystem::path trace;
};

// The memory that loading needs and the machine has, in bytes.
struct MemoryPlan {
  uint64_t weights = 0;
  uint64_t kv = 0;
  uint64_t activations = 0;
  uint64_t adapters = 0;  // of EngineOptions::adapters, as far as adapter_memory allows them
  uint64_t free = 0;
  uint64_t on_host = 0;  // weights that EngineOptions::device_memory leaves on the CPU: not of the total
  int tokens = 0;        // the capacity of the KV cache
  uint64_t total() const { return weights + kv + activations + adapters; }
  // Adds the plan of a draft model, whose KV cache has the same capacity.
  MemoryPlan& operator+=(const MemoryPlan& other) {
    weights += other.weights;
    kv += other.kv;
    activations += other.activations;
    adapters += other.adapters;
    return *this;
  }
};

// What a model makes of a text as a whole.
struct TextUse {
  enum class Kind { kEmbeddings, kScores } kind = Kind::kEmbeddings;
  int dimensions = 0;                // of an embedding; the number of labels
  std::vector<std::string> labels;   // names; may be empty
  std::vector<std::string> prompts;  // names of those that may come before a text
  int most_tokens = 0;               // of a text, with the tokens around it
  bool reads_instructions = false;   // TextRequest::instruction

  // Whether the first score says how well a text answers a query: there is no other, or it is that of "yes".
  bool ranks() const {
    return kind == Kind::kScores &&
           (dimensions == 1 || (dimensions == 2 && !labels.empty() && labels[0] == "yes"));
  }
};

struct ModelInfo {
  std::string name;
  std::string architecture;
  std::string format;  // "GGUF v3, Q4_K_M"
  int64_t parameters = 0;
  int hidden = 0;                  // width of embedding vectors and hidden states
  int context = 0;                 // tokens: prompt and answer together
  bool has_chat_template = false;  // of its own, or ChatML by its vocabulary
  bool reasons = false;  // has tokens <think> and </think>, between which it may think before it answers
  bool infills = false;  // has tokens for filling in the middle (Engine::infill_tokens)
  // Which of enable_thinking, thinking and reasoning_effort the chat template reads.
  std::vector<std::string> template_switches;
  bool has_tool_turns = false;   // the chat template has a place for tool calls and their results
  std::string tool_format;       // how it writes calls and thoughts: docs/agents.md
  std::optional<TextUse> texts;  // nothing: the model generates text, and submit() takes requests
};

// Text with a gap that the model fills in.
struct InfillPrompt {
  struct File {
    std::string name;
    std::string text;
  };
  std::string prefix;       // before the gap
  std::string suffix;       // after it
  std::vector<File> files;  // further context: other files of the project
  TextPrompt::ControlTokens control_tokens = TextPrompt::ControlTokens::kRecognised;
};

struct TokenText {
  std::string spelling;  // as the vocabulary has it: "Ġthe"
  std::string bytes;     // what it adds to a text, not always whole characters: " the"
};

// What programs that encode text themselves need to know.
struct TokenizerInfo {
  int size = 0;                                   // tokens of the vocabulary
  std::optional<std::string> bos, eos, unk, pad;  // spellings
  bool adds_bos = false;                          // to a text
  std::optional<std::string> chat_template;       // its source, if the model has one of its own
};

// Progress callbacks for loading. Both are called on the loading thread.
struct LoadObserver {
  std::function<void(const ModelInfo&, const MemoryPlan&)> planned;  // before anything is allocated
  std::function<void(uint64_t done, uint64_t total)> progress;       // bytes of weights
};

// A device that is not the CPU.
struct DeviceStats {
  std::string name;          // "NVIDIA H200"; empty: the CPU computes
  std::string architecture;  // "sm_90"
  uint64_t memory = 0;       // bytes
  uint64_t free = 0;         // bytes, when the engine rested last
  std::string failure;       // why it is lost: every request ends with an error from then on. Empty: it works
};

// Counters since loading, and current values.
struct EngineStats {
  int64_t steps = 0;
  int64_t prompt_tokens = 0;
  int64_t cached_tokens = 0;  // of prompts: prefix cache hits
  int64_t prefix_hits = 0;    // requests with at least one cached token
  int64_t generated_tokens = 0;
  int64_t drafted_tokens = 0;   // proposed by speculation
  int64_t accepted_tokens = 0;  // of those: accepted
  int64_t refused = 0;          // requests not accepted: invalid, or the queue was full
  int64_t finished = 0;         // an accepted request is finished, cancelled or failed
  int64_t cancelled = 0;
  int64_t failed = 0;
  int64_t preemptions = 0;  // sequences evicted to free blocks and recomputed later
  // The duration so far of the running step; 0 while idle. `stalled`: longer than
  // EngineOptions::stall_seconds.
  double seconds_in_step = 0;
  bool stalled = false;
  int64_t texts = 0;  // of TextRequests: those that results were made of
  int waiting = 0;
  int running = 0;
  int used_blocks = 0;
  int cached_blocks = 0;  // unused, kept for prefix cache hits
  int free_blocks = 0;
  DeviceStats device;

  Histogram queue_seconds{kSecondsBounds};        // of requests: from submission until the first step
  Histogram first_token_seconds{kSecondsBounds};  // of requests: from submission to the first token
  Histogram request_seconds{kSecondsBounds};      // of requests that finished: from submission to the end
  // Of answers: between consecutive tokens, including other requests' work.
  Histogram inter_token_seconds{kTokenSecondsBounds};
  Histogram step_sequences{kCountBounds};  // of steps: the batch size
  Histogram step_tokens{kCountBounds};     // of steps: rows, of prompts and of answers
};

// An adapter of an engine.
struct AdapterInfo {
  std::string name;
  std::filesystem::path path;
  int rank = 0;  // the largest of its matrices
  int64_t parameters = 0;
  uint64_t bytes = 0;  // that it takes in memory
  bool in_memory = false;
  // Since it was loaded: requests that named it, and their tokens.
  int64_t requests = 0;
  int64_t prompt_tokens = 0;
  int64_t generated_tokens = 0;
};

// A prompt whose keys and values are to be saved to a file.
struct Session {
  Prompt prompt;           // without vectors
  std::string cache_salt;  // that of its requests
  std::string adapter;     // that of its requests, and its scale
  float adapter_scale = 1;
  std::string application_data;  // stored in the file and returned on load: any bytes
};

struct SavedSession {
  int tokens = 0;        // of the prompt
  int saved_tokens = 0;  // the leading ones that the prefix cache held, in whole blocks
  uint64_t bytes = 0;    // of the file
};

struct LoadedSession {
  int tokens = 0;         // in the file
  int cached_tokens = 0;  // the leading ones now in the prefix cache: as many as fit
  std::string cache_salt;
  std::string application_data;
};

// The events of one request, for one reader at a time. Unread events are buffered, at most one answer's
// worth. Destroying the stream cancels the request.
class EventStream {
 public:
  virtual ~EventStream() = default;
  // Blocks until the next event. Returns nullopt after the last one, which is an ErrorEvent or the last
  // choice's FinishEvent.
  virtual std::optional<Event> next() = 0;
  // Non-blocking next(): also returns nullopt if no event is pending; over() tells the two cases apart.
  virtual std::optional<Event> poll() = 0;
  virtual bool over() const = 0;  // the last event was read
  // For readers that serve many streams with one thread: `on_event` is called when an event arrives in an
  // empty stream, and immediately if one is pending. It runs on the engine's thread, so it must only wake the
  // reader, and must not block or touch the stream. It replaces the previous callback; an empty one
  // unsubscribes.
  virtual void subscribe(std::function<void()> on_event) = 0;
  // Thread-safe. Events already under way are still delivered, and so is the last one.
  virtual void cancel() = 0;
};

// Thread-safe, except for destruction.
class Engine {
 public:
  // Throws std::runtime_error with a one-line message: a bad file or option, or too little memory (with the
  // figures).
  static std::unique_ptr<Engine> load(const EngineOptions& options, const LoadObserver& observer = {});
  virtual ~Engine() = default;

  virtual const ModelInfo& info() const = 0;
  virtual const MemoryPlan& memory() const = 0;
  // The sampling options that the model's authors recommend; the engine's defaults where they give none.
  virtual SamplingOptions recommended_sampling() const = 0;

  // Text and token ids. Thread-safe, on the caller's thread. Error kBadArgument without a tokenizer,
  // kBadTemplate.
  // As the model would read it; −1 stands for a vector.
  virtual std::vector<int32_t> tokens_of(const Prompt& prompt) const = 0;
  virtual std::string text_of(std::span<const int32_t> ids) const = 0;  // control tokens are spelled out
  virtual std::string render(const ChatPrompt& chat) const = 0;         // with its chat template
  // The prompt for which a model that was trained to fill in the middle generates what belongs between prefix
  // and suffix. Error kBadArgument where ModelInfo::infills is false.
  virtual std::vector<int32_t> infill_tokens(const InfillPrompt& prompt) const = 0;
  virtual TokenText token(int32_t id) const = 0;  // error kBadArgument for ids out of range
  virtual TokenizerInfo tokenizer_info() const = 0;

  // Enqueues a request and returns immediately. If the request is invalid or the queue is full, the stream's
  // only event is an ErrorEvent, which poll() returns as soon as submit() has returned. Prompts that share a
  // prefix, such as the turns of a conversation, compute it only once.
  virtual std::unique_ptr<EventStream> submit(Request request) = 0;
  // The same for several requests that take one place in the queue together, until the last of them is
  // admitted. A stream for each, in their order.
  virtual std::vector<std::unique_ptr<EventStream>> submit_batch(std::vector<Request> requests) = 0;
  // The same for texts that are read as a whole, by a model that has ModelInfo::texts: a TextResultEvent for
  // each text, and a FinishEvent with the usage. What a text gives depends on no other text, bit for bit.
  virtual std::unique_ptr<EventStream> submit_texts(TextRequest request) = 0;
  virtual EngineStats stats() const = 0;

  // Blocking submit(): calls `on_event` on this thread until the request has finished.
  void generate(Request request, const std::function<void(const Event&)>& on_event,
                const std::stop_token& cancel = {});

  // Adapters, by name ----

  // Reads an adapter, which requests may name from then on. With `replace`, it may take the place of another
  // one; requests in progress keep what they began with. Throws std::runtime_error with a one-line message,
  // and changes nothing, for a file that is damaged, fits another model, or has a name that is in use; and
  // where it does not fit in memory, or the engine was loaded without room for adapters.
  virtual void load_adapter(const std::string& name, const std::filesystem::path& path,
                            bool replace = false) = 0;
  // Requests in progress go on with it. Throws std::runtime_error for an unknown name.
  virtual void unload_adapter(const std::string& name) = 0;
  virtual std::vector<AdapterInfo> adapters() const = 0;  // in the order in which they were loaded

  // Writes the cached part of the prompt's keys and values to a file, which replaces `path` atomically.
  // Nothing is computed for the uncached part. Steps continue between chunks of the work. Throws
  // std::runtime_error for an invalid prompt or an I/O error.
  virtual SavedSession save_session(const Session& session, const std::filesystem::path& path) = 0;
  // Loads such a file into the prefix cache, evicting the least recently used blocks. The next request with
  // this prefix hits the cache; its answer is bit-identical to one without. Throws std::runtime_error, and
  // changes nothing, for a file that is damaged, has another format version, or was saved with another
  // model, KV type, backend or precision.
  virtual LoadedSession load_session(const std::filesystem::path& path) = 0;
};

}  // namespace ferrum
