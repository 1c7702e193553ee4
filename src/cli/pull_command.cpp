// ferrum pull: downloads a model from a hub into the cache.
#include <fmt/core.h>

#include <CLI/CLI.hpp>
#include <memory>

#include "base/human_bytes.h"
#include "cli/command.h"
#include "cli/options.h"
#include "cli/pull_model.h"

namespace ferrum::cli {
namespace {

struct PullCommandOptions {
  std::string name;
  hub::PullOptions pull;
};

constexpr const char* kPullExplanation =
    "NAME is ORG/MODEL[@REVISION][:TYPE or :FILE]. Without a type, the most common GGUF type is pulled\n"
    "(Q4_K_M, else Q4_0, Q8_0, …), else the safetensors. The same command resumes an interrupted "
    "pull.\n\n"
    "HF_ENDPOINT names another hub, HF_TOKEN (or $HF_HOME/token) holds the access token, HF_HOME names the "
    "cache.\n\n"
    "Examples:\n"
    "  ferrum pull Qwen/Qwen3-0.6B-GGUF           # the usual type\n"
    "  ferrum pull Qwen/Qwen3-0.6B-GGUF:Q8_0      # this type\n"
    "  ferrum pull Qwen/Qwen3-0.6B                # safetensors\n"
    "  ferrum pull org/model@v1.0:sub/model.gguf  # this file of a tag\n"
    "  HF_TOKEN=… ferrum pull org/private";

void pull_command(const PullCommandOptions& o) {
  const hub::ModelName name = hub::parse_model_name(o.name);
  const hub::CachedModel model = pull_model(name, hub::settings_from(hub::process_environment()), o.pull);
  fmt::print("{}: {} in {}\n", model.name, human_bytes(model.offer.bytes), model.path.string());
}

}  // namespace

void add_pull(CLI::App& app) {
  auto o = std::make_shared<PullCommandOptions>();
  CLI::App& command = *app.add_subcommand("pull", "Download a model from a hub");
  command.add_option("NAME", o->name, "As in org/model:Q4_K_M")->required()->check(a_name());
  command.add_option("--connections", o->pull.download.connections, "Connections per file")
      ->check(from_to(1, 64))
      ->capture_default_str();
  command.footer(kPullExplanation);
  command.callback([o] { pull_command(*o); });
}

}  // namespace ferrum::cli
