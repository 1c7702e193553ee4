// The engine: a loaded model that answers requests.
#pragma once
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <stop_token>
#include <string>
#include <vector>

#include "ferrum/types.h"

namespace ferrum {

struct EngineOptions {
  std::filesystem::path model;  // a .gguf file or a Hugging Face folder
  std::string backend = "cpu";  // "cpu", or "reference" (slow, the specification)
  int threads = 0;              // 0: one for each physical core that this process may use
  int max_context = 0;          // tokens; 0: what the model is made for, at most 8192
  int batch_tokens = 512;       // rows of one step: how much of a prompt is computed at once
  // Inputs of products with weights. "int8": quantised where the weights are; "bf16": the same, and rounded
  // to bf16 for BF16 weights where the CPU multiplies those faster; "f32": as they are (slower, closer).
  std::string activations = "int8";
  std::string kv_dtype = "f16";  // "f16", "bf16", "f32" or "int8"
};

// What loading will take, and what the machine has, in bytes.
struct MemoryPlan {
  uint64_t weights = 0;
  uint64_t kv = 0;
  uint64_t activations = 0;
  uint64_t free = 0;
  int tokens = 0;  // that the KV cache has room for
  uint64_t total() const { return weights + kv + activations; }
};

struct ModelInfo {
  std::string name;
  std::string architecture;
  std::string format;  // "GGUF v3, Q4_K_M"
  int64_t parameters = 0;
  int context = 0;                 // tokens: prompt and answer together
  bool has_chat_template = false;  // of its own, or ChatML by its vocabulary
};

// What a program may show while it waits. Both are called on the loading thread.
struct LoadObserver {
  std::function<void(const ModelInfo&, const MemoryPlan&)> planned;  // before anything is allocated
  std::function<void(uint64_t done, uint64_t total)> progress;       // bytes of weights
};

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

  // Answers one request, calling `on_event` as text becomes certain; the last event is a FinishEvent or an
  // ErrorEvent. A conversation that continues the last one recomputes only what is new. Not thread-safe: one
  // request at a time. Never throws for a request's mistakes.
  virtual void generate(const Request& request, const std::function<void(const Event&)>& on_event,
                        std::stop_token cancel = {}) = 0;
};

}  // namespace ferrum
