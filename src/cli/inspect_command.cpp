// ferrum inspect: shows the contents of a checkpoint and its memory use, and checks its weights.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <vector>

#include "backend/device_report.h"
#include "base/error.h"
#include "base/human_bytes.h"
#include "base/isa_choice.h"
#include "base/json.h"
#include "base/log.h"
#include "base/machine.h"
#include "checkpoint/check_weights.h"
#include "checkpoint/checkpoint.h"
#include "cli/command.h"
#include "cli/device_option.h"
#include "cli/isa_option.h"
#include "cli/model_source.h"
#include "cli/options.h"
#include "cli/progress.h"
#include "engine/backend_factory.h"
#include "engine/memory_plan.h"
#include "engine/prompt_builder.h"
#include "engine/sampling/recommended_sampling.h"

namespace ferrum::cli {
namespace {

struct InspectOptions {
  EngineOptions engine;
  bool tensors = false;
  bool check = false;
  bool json = false;
};

struct FormatShare {
  int tensors = 0;
  uint64_t bytes = 0;
};

std::map<std::string, FormatShare> by_format(const Checkpoint& checkpoint) {
  std::map<std::string, FormatShare> shares;
  for (const HostTensor& t : checkpoint.tensors()) {
    FormatShare& share = shares[std::string(name_of(t.format))];
    ++share.tensors;
    share.bytes += t.byte_size();
  }
  return shares;
}

Json describe(const Checkpoint& checkpoint) {
  const ModelDescription& m = checkpoint.model();
  const AttentionDescription& heads = m.first_attention();
  Json j = {{"name", m.name},
            {"architecture", name_of(*m.architecture)},
            {"format", checkpoint.format()},
            {"parameters", m.parameters},
            {"bytes", checkpoint.bytes()},
            {"layers", m.depth()},
            {"hidden", m.hidden},
            {"vocab", m.vocab},
            {"q_heads", heads.q_heads},
            {"kv_heads", heads.kv_heads},
            {"head_dim", heads.head_dim},
            {"ffn", m.dense_width()},
            {"context", m.context},
            {"rope_theta", m.rope.theta},
            {"tied_head", m.tied_head}};
  if (m.window() > 0) {
    j["window"] = m.window();
    j["windowed_layers"] = std::ranges::count_if(
        m.layers, [](const LayerDescription& layer) { return layer.attention.window > 0; });
  }
  if (m.experts() > 0) {
    j["experts"] = m.experts();
    j["experts_per_token"] = m.routing.top_k;
    j["expert_ffn"] = m.expert_width();
  }
  return j;
}

Json memory_json(const InspectOptions& o, const Checkpoint& checkpoint, const Backend& backend) {
  MemoryPlan plan = memory_plan(checkpoint, runner_options(o.engine, checkpoint.model()), backend);
  plan.adapters = planned_adapters(o.engine, backend);
  return {{"context", plan.tokens}, {"kv_dtype", o.engine.kv_dtype},   {"weights", plan.weights},
          {"kv", plan.kv},          {"activations", plan.activations}, {"adapters", plan.adapters},
          {"total", plan.total()}};
}

std::string shape_text(const HostTensor& t) { return fmt::format("[{}]", fmt::join(t.shape, ", ")); }

// Reads every weight. Throws for the first that is not finite (fault B23).
void check_all(const Checkpoint& checkpoint, const std::string& source) {
  Progress progress("checking");
  uint64_t done = 0;
  for (const HostTensor& t : checkpoint.tensors()) {
    if (const std::optional<BadWeight> bad = first_bad_weight(t))
      fail(ErrorCode::kBadFile, "{}: tensor {} has {} at [{}]", source, in_quotes(t.name), bad->value,
           fmt::join(bad->position, ", "));
    progress.update(done += t.byte_size(), checkpoint.bytes());
  }
}

// The warnings of everything that loading the model reads, including the tokenizer and the chat template.
struct Findings {
  std::unique_ptr<Checkpoint> checkpoint;
  std::vector<std::string> warnings;
};

Findings open_all(const std::filesystem::path& model) {
  const log::Recorder recorder;
  Findings f = {Checkpoint::open(model), {}};
  try {
    const PromptBuilder prompts(*f.checkpoint);
    recommended_sampling(f.checkpoint->generation());
  } catch (const Error& e) {  // the rest of the model is shown all the same
    log::warn("{}", e.what());
  }
  f.warnings = recorder.warnings();
  return f;
}

// What would compute the model here.
Json cpu_json() {
  const Isa isa = selected_isa();
  return {{"isa", name_of(isa)}, {"products", products_of(isa)}, {"threads", default_thread_count()}};
}

// Null where that is the CPU.
Json device_json(const Backend& backend) {
  const auto* const report = dynamic_cast<const DeviceReport*>(&backend);
  if (report == nullptr) return nullptr;
  const DeviceInfo device = report->device();
  return {{"name", device.name},
          {"architecture", device.architecture},
          {"multiprocessors", device.multiprocessors},
          {"memory", device.memory},
          {"free", report->free_device_memory()},
          {"read_gbps", device.read_bandwidth / 1e9}};
}

void print_text(const Json& model, const Json& plan, const Json& device, const Checkpoint& checkpoint,
                const InspectOptions& o) {
  for (const auto& [key, value] : model.items())
    fmt::print("{:<20}{}\n", key, value.is_string() ? value.get<std::string>() : value.dump());
  for (const auto& [format, share] : by_format(checkpoint))
    fmt::print("{:<20}{} tensors, {}\n", format, share.tensors, human_bytes(share.bytes));
  const auto bytes = [&](const char* part) { return human_bytes(plan[part].get<uint64_t>()); };
  const bool has_adapters = plan["adapters"].get<uint64_t>() > 0;
  fmt::print("memory for {} tokens: weights {} + KV cache ({}) {} + activations {}{} = {}\n",
             plan["context"].get<int>(), bytes("weights"), o.engine.kv_dtype, bytes("kv"),
             bytes("activations"), has_adapters ? " + adapters " + bytes("adapters") : "", bytes("total"));
  const Json cpu = cpu_json();
  fmt::print("cpu: {} ({}), {} threads\n", cpu["isa"].get<std::string>(), cpu["products"].get<std::string>(),
             cpu["threads"].get<int>());
  if (!device.is_null())
    fmt::print("device: {} ({}), {} multiprocessors, {} of {} free, reads {:.0f} GB/s by its clock\n",
               device["name"].get<std::string>(), device["architecture"].get<std::string>(),
               device["multiprocessors"].get<int>(), human_bytes(device["free"].get<uint64_t>()),
               human_bytes(device["memory"].get<uint64_t>()), device["read_gbps"].get<double>());
  if (!o.tensors) return;
  for (const HostTensor& t : checkpoint.tensors())
    fmt::print("{:<48}{:<8}{:<24}{}\n", t.name, name_of(t.format), shape_text(t), human_bytes(t.byte_size()));
}

void print_json(Json model, const Json& plan, const Json& device, const Checkpoint& checkpoint,
                const InspectOptions& o) {
  model["memory"] = plan;
  if (!device.is_null()) model["device"] = device;
  model["cpu"] = cpu_json();
  if (const auto chat_template = checkpoint.chat_template()) model["chat_template"] = *chat_template;
  if (o.tensors) {
    Json tensors = Json::array();
    for (const HostTensor& t : checkpoint.tensors())
      tensors.push_back(
          {{"name", t.name}, {"format", name_of(t.format)}, {"shape", t.shape}, {"bytes", t.byte_size()}});
    model["tensors"] = std::move(tensors);
  }
  if (o.check) model["finite"] = true;  // otherwise an error was reported instead
  fmt::print("{}\n", model.dump(2, ' ', false, Json::error_handler_t::replace));
}

void inspect_command(const InspectOptions& o) {
  const auto [checkpoint, warnings] = open_all(find_model(o.engine.model));
  if (o.check) check_all(*checkpoint, o.engine.model.string());
  Json model = describe(*checkpoint);
  if (o.json) model["warnings"] = warnings;
  const std::unique_ptr<Backend> backend = make_backend(backend_options(o.engine));
  const Json plan = memory_json(o, *checkpoint, *backend), device = device_json(*backend);
  if (o.json) return print_json(model, plan, device, *checkpoint, o);
  print_text(model, plan, device, *checkpoint, o);
  if (o.check) fmt::print("all weights are finite\n");
}

}  // namespace

void add_inspect(CLI::App& app) {
  auto o = std::make_shared<InspectOptions>();
  CLI::App& command = *app.add_subcommand("inspect", "Show a checkpoint's contents and memory use");
  command.add_option("MODEL", o->engine.model, kModelHelp)->required()->check(a_name());
  command.add_flag("--tensors", o->tensors, "List the tensors");
  command.add_flag("--check", o->check, "Read all weights and look for NaN and infinity");
  command.add_flag("--json", o->json, "Print JSON");
  add_batch_tokens_option(command, o->engine);
  add_kv_dtype_option(command, o->engine);
  add_max_context_option(command, o->engine);
  add_adapter_options(command, o->engine);
  add_device_options(command, o->engine);
  add_isa_option(command);
  command.footer(
      "Examples:\n"
      "  ferrum inspect model.gguf\n"
      "  ferrum inspect hf-folder --tensors --json\n"
      "  ferrum inspect model.gguf --check\n"
      "  ferrum inspect model.gguf --max-context 32768 --kv-dtype bf16\n"
      "  ferrum inspect model.gguf --lora sql=adapter-folder");
  command.callback([o] { inspect_command(*o); });
}

}  // namespace ferrum::cli
