// ferrum show: summarises a model in a few lines.
#include <fmt/core.h>

#include <CLI/CLI.hpp>
#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>

#include "base/human_bytes.h"
#include "base/json.h"
#include "base/machine.h"
#include "base/printable.h"
#include "checkpoint/checkpoint.h"
#include "checkpoint/gguf/gguf.h"
#include "checkpoint/model_card.h"
#include "cli/command.h"
#include "cli/model_source.h"
#include "cli/options.h"
#include "engine/backend_factory.h"
#include "engine/memory_plan.h"
#include "hub/offers.h"

namespace ferrum::cli {
namespace {

namespace fs = std::filesystem;

struct ShowOptions {
  EngineOptions engine;
  bool json = false;
};

std::string licence_of(const fs::path& model) {
  if (fs::is_directory(model)) return read_model_card(model).license;
  const auto file = GgufFile::open(model);  // owns the text of `value`
  const auto value = file->metadata().string("general.license");
  return value ? std::string(*value) : "";
}

// All parts of a split GGUF; for a folder, the model's files.
std::vector<hub::RepoFile> files_of(const fs::path& model) {
  const fs::path folder = fs::is_directory(model) ? model : model.parent_path();
  std::vector<hub::RepoFile> all;
  for (const auto& entry : fs::directory_iterator(folder.empty() ? "." : folder))
    if (entry.is_regular_file()) all.push_back({entry.path().filename().string(), entry.file_size(), {}});
  for (const hub::Offer& offer : hub::offers_of(all)) {
    if (fs::is_directory(model) && offer.kind == hub::Offer::Kind::kSafetensors) return offer.files;
    for (const hub::RepoFile& file : offer.files)
      if (file.name == model.filename().string()) return offer.files;
  }
  if (fs::is_directory(model)) return all;
  return {{model.filename().string(), fs::file_size(model), {}}};
}

Json facts_of(const ShowOptions& o, const fs::path& path) {
  const std::unique_ptr<Checkpoint> checkpoint = Checkpoint::open(path);
  const ModelDescription& m = checkpoint->model();
  const MemoryPlan plan =
      memory_plan(*checkpoint, runner_options(o.engine, m), *make_backend(backend_options(o.engine)));
  Json files = Json::array();
  for (const hub::RepoFile& file : files_of(path))
    files.push_back({{"name", file.name}, {"bytes", file.bytes}});
  return {{"model", m.name},
          {"path", path.string()},
          {"architecture", name_of(*m.architecture)},
          {"parameters", m.parameters},
          {"type", checkpoint->format()},
          {"context", m.context},
          {"vocabulary", m.vocab},
          {"chat_template", checkpoint->chat_template().has_value()},
          {"licence", licence_of(path)},
          {"files", std::move(files)},
          {"memory",
           {{"context", plan.tokens},
            {"weights", plan.weights},
            {"kv", plan.kv},
            {"activations", plan.activations},
            {"total", plan.total()},
            {"free", plan.free}}}};
}

std::string parameters_text(int64_t count) {
  const auto millions = static_cast<double>(count) * 1e-6;
  return millions < 1000 ? fmt::format("{:.1f} million", millions)
                         : fmt::format("{:.2f} billion", millions / 1000);
}

void print_text(const Json& facts) {
  const auto line = [](const char* name, const std::string& value) { fmt::print("{:<14}{}\n", name, value); };
  const auto text = [&](const char* key) { return facts[key].get<std::string>(); };
  const auto safe = [](const Json& value) { return printable(value.get<std::string>(), 1024); };
  line("model", safe(facts["model"]));
  line("architecture", text("architecture"));
  line("parameters", parameters_text(facts["parameters"].get<int64_t>()));
  line("type", text("type"));
  line("context", fmt::format("{} tokens", facts["context"].get<int>()));
  line("vocabulary", fmt::format("{} tokens", facts["vocabulary"].get<int>()));
  line("chat template", facts["chat_template"].get<bool>() ? "yes" : "none");
  line("licence", text("licence").empty() ? "not stated" : safe(facts["licence"]));
  const Json& memory = facts["memory"];
  const auto bytes = [&](const char* key) { return human_bytes(memory[key].get<uint64_t>()); };
  line("memory",
       fmt::format("{} for {} tokens of context = weights {} + KV cache {} + activations {}; {} free",
                   bytes("total"), memory["context"].get<int>(), bytes("weights"), bytes("kv"),
                   bytes("activations"), bytes("free")));
  line("path", safe(facts["path"]));
  for (const Json& file : facts["files"])
    line("file", fmt::format("{}  {}", safe(file["name"]), human_bytes(file["bytes"].get<uint64_t>())));
}

void show_command(const ShowOptions& o) {
  const Json facts = facts_of(o, find_model(o.engine.model));
  if (o.json)
    fmt::print("{}\n", facts.dump(2, ' ', false, Json::error_handler_t::replace));
  else
    print_text(facts);
}

}  // namespace

void add_show(CLI::App& app) {
  auto o = std::make_shared<ShowOptions>();
  CLI::App& command = *app.add_subcommand("show", "Show a summary of a model");
  command.add_option("MODEL", o->engine.model, kModelHelp)->required()->check(a_name());
  command.add_flag("--json", o->json, "Print JSON");
  add_max_context_option(command, o->engine);
  add_kv_dtype_option(command, o->engine);
  command.footer(
      "ferrum inspect shows more.\n\n"
      "Examples:\n"
      "  ferrum show Qwen/Qwen3-0.6B-GGUF:Q8_0\n"
      "  ferrum show model.gguf --max-context 32768");
  command.callback([o] { show_command(*o); });
}

}  // namespace ferrum::cli
