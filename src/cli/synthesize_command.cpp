// ferrum synthesize: writes random weights in the shape of a real model.
#include <fmt/core.h>

#include <CLI/CLI.hpp>
#include <filesystem>
#include <memory>
#include <optional>

#include "base/error.h"
#include "base/human_bytes.h"
#include "checkpoint/writers/synthesize.h"
#include "cli/command.h"
#include "cli/interrupts.h"
#include "cli/options.h"
#include "cli/progress.h"

namespace ferrum::cli {
namespace {

struct SynthesizeCommandOptions {
  std::filesystem::path config;
  std::filesystem::path target;
  std::string type = "Q4_K_M";
  std::string tokenizer;
  uint64_t seed = 0;
  std::optional<int> layers;
  int threads = 0;
};

void synthesize_command(const SynthesizeCommandOptions& o) {
  const Interrupts interrupts;
  const auto type = file_type_named(o.type);
  if (!type)
    fail(ErrorCode::kBadArgument, "--type {}: the types are {}", in_quotes(o.type), file_type_names());
  SynthesizeOptions options = {
      .type = *type, .seed = o.seed, .layers = o.layers, .pipeline = {.threads = o.threads}};
  if (!o.tokenizer.empty()) options.tokenizer = o.tokenizer;
  {
    Progress progress("synthesizing");
    options.pipeline.progress = [&](uint64_t done, uint64_t total) { progress.update(done, total); };
    synthesize(o.config, o.target, options);
  }
  fmt::print("{}: {}\n", o.target.string(), human_bytes(std::filesystem::file_size(o.target)));
}

}  // namespace

void add_synthesize(CLI::App& app) {
  auto o = std::make_shared<SynthesizeCommandOptions>();
  CLI::App& command =
      *app.add_subcommand("synthesize", "Write a model with random weights in the shape of a real one");
  command.add_option("CONFIG", o->config, "A config.json, or a folder with one")->required()->check(a_name());
  command.add_option("OUT", o->target, "The .gguf file to write; created when complete")
      ->required()
      ->check(a_name());
  command.add_option("--type", o->type, "How weights are stored: " + file_type_names())
      ->capture_default_str();
  command
      .add_option("--tokenizer", o->tokenizer,
                  "A tokenizer.json or tokenizer.model, a folder with one, or a .gguf file")
      ->type_name("FILE");
  command.add_option("--seed", o->seed, "Seed of the weights")
      ->check(from_to<uint64_t>(0))
      ->capture_default_str();
  command.add_option("--layers", o->layers, "Keep only this many layers")->check(from_to(1));
  command.add_option("--threads", o->threads, "Threads; 0: one per core")->check(from_to(0, kMaxThreads));
  command.footer(
      "Examples:\n"
      "  ferrum synthesize config.json model.gguf\n"
      "  ferrum synthesize hf-folder model.gguf --type Q8_0 --tokenizer hf-folder\n"
      "  ferrum synthesize config.json small.gguf --layers 2 --seed 7");
  command.callback([o] { synthesize_command(*o); });
}

}  // namespace ferrum::cli
