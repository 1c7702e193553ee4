#include "server/views.h"

#include <fmt/core.h>

#include "base/numbers.h"
#include "server/texts/uses.h"

namespace ferrum::server {
namespace {

// 0.8f becomes 0.8, not 0.800000011920929.
double shortest(float value) { return number_from<double>(fmt::format("{}", value)).value_or(value); }

// By the names that requests give them. Samplers that are seldom set are left out while they are off.
Json sampling_json(const SamplingOptions& s) {
  Json json = {{"temperature", shortest(s.temperature)},
               {"top_p", shortest(s.top_p)},
               {"top_k", s.top_k},
               {"min_p", shortest(s.min_p)},
               {"repetition_penalty", shortest(s.repetition_penalty)},
               {"presence_penalty", shortest(s.presence_penalty)},
               {"frequency_penalty", shortest(s.frequency_penalty)}};
  if (s.typical_p != 1) json["typical_p"] = shortest(s.typical_p);
  if (s.mirostat != 0) json["mirostat"] = s.mirostat;
  return json;
}

}  // namespace

Json model_json(const ModelPool::Entry& model) {
  Json json = {{"id", model.name}, {"object", "model"}, {"created", model.created}, {"owned_by", "ferrum"}};
  if (!model.engine) return json;
  const ModelInfo& info = model.engine->info();
  json["context_length"] = info.context;
  json["capabilities"] = {capability_of(info)};
  if (info.texts) json["dimensions"] = info.texts->dimensions;
  return json;
}

std::string adapted_name(const std::string& model, const std::string& adapter) {
  return model + ":" + adapter;
}

Json adapter_json(const ModelPool::Entry& model, const std::string& adapter) {
  Json json = model_json(model);
  json["id"] = adapted_name(model.name, adapter);
  json["parent"] = model.name;
  json["adapter"] = adapter;
  return json;
}

Json models_json(const Models& models) {
  Json data = Json::array();
  for (const ModelPool::Entry& model : models) {
    data.push_back(model_json(model));
    for (const std::string& alias : model.aliases) {
      Json json = model_json(model);
      json["id"] = alias;
      json["alias_of"] = model.name;
      data.push_back(std::move(json));
    }
    if (!model.engine) continue;
    for (const AdapterInfo& adapter : model.engine->adapters())
      data.push_back(adapter_json(model, adapter.name));
  }
  return {{"object", "list"}, {"data", std::move(data)}};
}

Json health_json(const Models& models, bool draining) {
  for (const ModelPool::Entry& model : models) {
    if (!model.engine) continue;
    const EngineStats stats = model.engine->stats();
    if (!stats.device.failure.empty())
      return {{"status", "device_lost"}, {"model", model.name}, {"error", stats.device.failure}};
    if (stats.stalled)
      return {{"status", "stuck"}, {"model", model.name}, {"seconds_in_step", stats.seconds_in_step}};
  }
  return {{"status", draining ? "draining" : models.empty() ? "loading" : "ok"}};
}

Json props_json(const Models& models) {
  Json all = Json::array();
  for (const ModelPool::Entry& model : models) {
    Json json = {{"id", model.name},
                 {"aliases", model.aliases},
                 {"state", model.engine    ? "loaded"
                           : model.loading ? "loading"
                                           : "unloaded"}};
    if (model.engine) {
      const ModelInfo& info = model.engine->info();
      const MemoryPlan& memory = model.engine->memory();
      json.update({{"name", info.name},
                   {"architecture", info.architecture},
                   {"format", info.format},
                   {"parameters", info.parameters},
                   {"context_length", info.context},
                   {"chat_template", info.has_chat_template},
                   {"reasons", info.reasons},
                   {"tool_format", info.tool_format},
                   {"default_sampling", sampling_json(model.engine->recommended_sampling())},
                   {"memory",
                    {{"weights_bytes", memory.weights},
                     {"kv_bytes", memory.kv},
                     {"kv_tokens", memory.tokens},
                     {"activations_bytes", memory.activations},
                     {"adapters_bytes", memory.adapters}}}});
      if (memory.on_host > 0) json["memory"]["weights_on_cpu_bytes"] = memory.on_host;
      if (const DeviceStats device = model.engine->stats().device; !device.name.empty())
        json["device"] = {{"name", device.name},
                          {"architecture", device.architecture},
                          {"memory_bytes", device.memory},
                          {"free_bytes", device.free}};
    }
    all.push_back(std::move(json));
  }
  return all;
}

}  // namespace ferrum::server
