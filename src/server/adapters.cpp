#include "server/adapters.h"

#include <algorithm>

#include "base/error.h"
#include "base/log.h"
#include "server/api/api_error.h"

namespace ferrum::server {
namespace {

constexpr double kMostScale = 1000;

bool has(const Engine& engine, const std::string& adapter) {
  return std::ranges::any_of(engine.adapters(), [&](const AdapterInfo& a) { return a.name == adapter; });
}

// The one adapter of llama-server's list that counts; `at` names the list in messages.
DefaultAdapters::Choice one_of_list(const Json& list, const Engine& engine, const std::string& at) {
  const auto refuse = [&](const std::string& why) -> ApiError {
    return {400, "invalid_value", at, (at.empty() ? "the body" : at) + why};
  };
  if (!list.is_array()) throw refuse(" must be an array of objects with id and scale");
  const std::vector<AdapterInfo> adapters = engine.adapters();
  DefaultAdapters::Choice choice;
  for (const Json& item : list) {
    const Json* id = item.is_object() && item.contains("id") ? &item.at("id") : nullptr;
    const Json* scale = item.is_object() && item.contains("scale") ? &item.at("scale") : nullptr;
    if (id == nullptr || !id->is_number_integer() || (scale != nullptr && !scale->is_number()))
      throw refuse(" must be an array of objects with id and scale");
    const double factor = scale != nullptr ? scale->get<double>() : 1;
    const auto index = id->is_number_unsigned() ? id->get<uint64_t>() : adapters.size();
    if (index >= adapters.size())
      throw refuse(fmt::format(" has the id {}; there are {} adapters", to_text(*id), adapters.size()));
    if (!(factor >= -kMostScale && factor <= kMostScale))
      throw refuse(fmt::format(" has the scale {}; it must be within ±{}", to_text(*scale), kMostScale));
    if (factor == 0) continue;
    if (!choice.adapter.empty())
      throw refuse(" has several adapters with a scale: a request uses one at most");
    choice = {adapters[index].name, static_cast<float>(factor)};
  }
  return choice;
}

// What a client did wrong, or its adapter: one message, and the server goes on.
ApiError refusal(const Error& e, const char* param) {
  int status = 400;
  if (e.code() == ErrorCode::kNotFound) status = 404;
  if (e.code() == ErrorCode::kNoMemory || e.code() == ErrorCode::kUnavailable) status = 503;
  return {status, std::string(name_of(e.code())), param, e.what()};
}

HttpResponse success(const std::string& text) {
  return {.content_type = "text/plain; charset=utf-8", .body = text};
}

}  // namespace

AdaptedModel adapted_model(const std::string& name, const ModelPool& pool) {
  const std::vector<ModelPool::Entry> models = pool.all();
  const auto find = [&](std::string_view wanted) -> const ModelPool::Entry* {
    for (const ModelPool::Entry& model : models)
      if (model.name == wanted || std::ranges::find(model.aliases, wanted) != model.aliases.end())
        return &model;
    return nullptr;
  };
  if (const ModelPool::Entry* const model = find(name)) return {model->name, ""};
  for (size_t at = name.find(':'); at != std::string::npos; at = name.find(':', at + 1)) {
    const ModelPool::Entry* model = find(std::string_view(name).substr(0, at));
    const std::string adapter = name.substr(at + 1);
    if (model == nullptr) continue;
    if (model->engine && !has(*model->engine, adapter))
      throw ApiError(404, "model_not_found", "model",
                     "the model " + in_quotes(model->name) + " has no adapter " + in_quotes(adapter));
    return {model->name, adapter};
  }
  for (const ModelPool::Entry& model : models)
    if (model.engine && has(*model.engine, name)) return {model.name, name};
  return {name, ""};
}

void DefaultAdapters::set(const std::string& model, const Choice& choice) {
  const std::lock_guard lock(mutex_);
  choices_[model] = choice;
}

DefaultAdapters::Choice DefaultAdapters::of(const std::string& model) const {
  const std::lock_guard lock(mutex_);
  const auto found = choices_.find(model);
  return found == choices_.end() ? Choice() : found->second;
}

void choose_adapter(Fields& body, const AdaptedModel& model, const Engine& engine,
                    const DefaultAdapters& defaults, std::vector<Request>& requests) {
  const std::optional<std::string> named = body.text("adapter");
  const std::optional<double> scale = body.number("adapter_scale", -kMostScale, kMostScale);
  const Json* const list = body.find("lora");
  body.check();
  DefaultAdapters::Choice choice;
  if (list != nullptr) {
    if (named || scale) body.refuse_value("lora", "lora and adapter both name adapters: give one of them");
    choice = one_of_list(*list, engine, "lora");
  } else if (named) {
    choice.adapter = *named;
  } else if (model.adapter.empty()) {
    choice = defaults.of(model.model);
    if (!choice.adapter.empty() && !has(engine, choice.adapter)) choice = {};  // unloaded meanwhile
  }
  if (!model.adapter.empty()) {
    if (!choice.adapter.empty() && choice.adapter != model.adapter)
      body.refuse_value(list != nullptr ? "lora" : "adapter",
                        fmt::format("the model names the adapter {}, and this field {}",
                                    in_quotes(model.adapter), in_quotes(choice.adapter)));
    choice.adapter = model.adapter;
  }
  if (scale) choice.scale = static_cast<float>(*scale);
  if (scale && choice.adapter.empty()) body.refuse_value("adapter_scale", "adapter_scale needs an adapter");
  if (!choice.adapter.empty() && !has(engine, choice.adapter))
    body.refuse_value("adapter", "there is no adapter " + in_quotes(choice.adapter), "not_found");
  body.check();
  for (Request& request : requests) {
    request.adapter = choice.adapter;
    request.adapter_scale = choice.scale;
  }
}

HttpResponse load_adapter(Fields& body, Engine& engine) {
  body.text("model");
  const std::optional<std::string> name = body.text("lora_name"), path = body.text("lora_path");
  if (!name) body.required("lora_name");
  if (!path) body.required("lora_path");
  const bool replace = body.flag("load_inplace").value_or(false);
  body.hint("base_model_name");
  body.refuse("is_3d_lora_weight", "adapters of experts are recognised by their shapes", {false});
  body.refuse_others();
  try {
    engine.load_adapter(*name, *path, replace);
  } catch (const Error& e) {
    log::warn("the adapter {} cannot be loaded: {}", in_quotes(*name), e.what());
    throw refusal(e, e.code() == ErrorCode::kBadArgument ? "lora_name" : "lora_path");
  }
  log::info("loaded the adapter {}", in_quotes(*name));
  return success(fmt::format("Success: LoRA adapter '{}' added successfully.", *name));
}

HttpResponse unload_adapter(Fields& body, Engine& engine) {
  body.text("model");
  const std::optional<std::string> name = body.text("lora_name");
  if (!name) body.required("lora_name");
  body.hint("lora_int_id");
  body.refuse_others();
  try {
    engine.unload_adapter(*name);
  } catch (const Error& e) {
    throw refusal(e, "lora_name");
  }
  log::info("unloaded the adapter {}", in_quotes(*name));
  return success(fmt::format("Success: LoRA adapter '{}' removed successfully.", *name));
}

Json adapters_json(const Engine& engine, const DefaultAdapters::Choice& standard) {
  Json all = Json::array();
  for (const AdapterInfo& adapter : engine.adapters())
    all.push_back({{"id", all.size()},
                   {"name", adapter.name},
                   {"path", adapter.path.string()},
                   {"scale", adapter.name == standard.adapter ? standard.scale : 0.0F},
                   {"rank", adapter.rank},
                   {"parameters", adapter.parameters},
                   {"bytes", adapter.bytes},
                   {"in_memory", adapter.in_memory}});
  return all;
}

DefaultAdapters::Choice read_default(const Json& body, const Engine& engine) {
  return one_of_list(body, engine, "");
}

}  // namespace ferrum::server
