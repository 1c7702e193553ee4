// LoRA adapters in requests and over HTTP: vLLM's routes to load and unload them, and llama-server's list.
#pragma once
#include <map>
#include <mutex>
#include <string>
#include <vector>

#include "ferrum/engine.h"
#include "server/api/fields.h"
#include "server/http/http_server.h"
#include "server/model_pool.h"

namespace ferrum::server {

// What a request's "model" names: a model or an alias, "model:adapter", or an adapter alone. A name that is
// none of these is left as it is. `model` is the model's own name, not an alias of it. ApiError 404 where the
// model is loaded and lacks the adapter.
struct AdaptedModel {
  std::string model, adapter;
};
AdaptedModel adapted_model(const std::string& name, const ModelPool& pool);

// The adapters that requests get which name none, as POST /lora-adapters sets them. Thread-safe.
class DefaultAdapters {
 public:
  struct Choice {
    std::string adapter;  // "": none
    float scale = 1;
  };
  void set(const std::string& model, const Choice& choice);
  Choice of(const std::string& model) const;

 private:
  mutable std::mutex mutex_;
  std::map<std::string, Choice> choices_;
};

// Sets the adapter of requests of one body: that of the model's name; or of the fields "adapter" and
// "adapter_scale", or llama-server's "lora"; or the default. Refuses what contradicts itself.
void choose_adapter(Fields& body, const AdaptedModel& model, const Engine& engine,
                    const DefaultAdapters& defaults, std::vector<Request>& requests);

// POST /v1/load_lora_adapter {"lora_name", "lora_path", "load_inplace"}, /v1/unload_lora_adapter
// {"lora_name"}. 400 with one message for an adapter that cannot be loaded; the model keeps serving.
HttpResponse load_adapter(Fields& body, Engine& engine);
HttpResponse unload_adapter(Fields& body, Engine& engine);

// GET /lora-adapters: [{"id", "path", "name", "scale"}], in the order in which they were loaded; POST
// [{"id", "scale"}] sets the default.
Json adapters_json(const Engine& engine, const DefaultAdapters::Choice& standard);
DefaultAdapters::Choice read_default(const Json& body, const Engine& engine);

}  // namespace ferrum::server
