// ferrum merge: writes a model with LoRA adapters merged into its weights.
#include <fmt/core.h>

#include <CLI/CLI.hpp>
#include <filesystem>
#include <memory>

#include "base/error.h"
#include "base/human_bytes.h"
#include "base/numbers.h"
#include "checkpoint/writers/merge.h"
#include "cli/command.h"
#include "cli/interrupts.h"
#include "cli/model_source.h"
#include "cli/options.h"
#include "cli/progress.h"

namespace ferrum::cli {
namespace {

namespace fs = std::filesystem;

struct MergeCommandOptions {
  fs::path base;
  std::vector<MergedAdapter> adapters;
  fs::path output;
  std::string type;
  int threads = 0;
};

// "PATH=SCALE", or PATH: what follows the last "=" is a scale if it is a number, and the whole is no path.
MergedAdapter adapter_of(const std::string& text) {
  const size_t equals = text.rfind('=');
  if (equals == std::string::npos || fs::exists(text)) return {.path = text};
  const std::optional<float> scale = number_from<float>(text.substr(equals + 1));
  if (!scale) return {.path = text};
  return {.path = text.substr(0, equals), .scale = *scale};
}

uint64_t bytes_of(const fs::path& path) {
  if (!fs::is_directory(path)) return fs::file_size(path);
  uint64_t bytes = 0;
  for (const auto& entry : fs::recursive_directory_iterator(path))
    if (entry.is_regular_file()) bytes += entry.file_size();
  return bytes;
}

void merge_command(const MergeCommandOptions& o) {
  const Interrupts interrupts;
  MergeOptions options = {.pipeline = {.threads = o.threads}};
  if (!o.type.empty()) {
    options.type = file_type_named(o.type);
    if (!options.type)
      fail(ErrorCode::kBadArgument, "--type {}: the types are F32, F16, BF16, Q8_0, Q4_0, Q4_1, Q5_0, Q5_1",
           in_quotes(o.type));
  }
  {
    Progress progress("merging");
    options.pipeline.progress = [&](uint64_t done, uint64_t total) { progress.update(done, total); };
    merge(find_model(o.base), o.adapters, o.output, options);
  }
  fmt::print("{}: {}\n", o.output.string(), human_bytes(bytes_of(o.output)));
}

}  // namespace

void add_merge(CLI::App& app) {
  auto o = std::make_shared<MergeCommandOptions>();
  CLI::App& command =
      *app.add_subcommand("merge", "Write a model with LoRA adapters merged into its weights");
  command.add_option("BASE", o->base, kModelHelp)->required()->check(a_name());
  command
      .add_option_function<std::vector<std::string>>(
          "--lora",
          [o](const std::vector<std::string>& given) {
            o->adapters.clear();
            for (const std::string& text : given) o->adapters.push_back(adapter_of(text));
          },
          "An adapter of BASE, a folder as PEFT saves it or a GGUF file, and by how much to multiply\n"
          "what it adds (1); may be repeated")
      ->type_name("PATH[=SCALE]")
      ->allow_extra_args(false)
      ->required()
      ->check(a_name());
  command
      .add_option("--output", o->output,
                  "The .gguf file to write, or the folder, if BASE is one; neither may be there already")
      ->required()
      ->check(a_name());
  command.add_option(
      "--type", o->type,
      "Of the changed weights: F32, F16, BF16, Q8_0, Q4_0, Q4_1, Q5_0 or Q5_1 in a GGUF file,\n"
      "the first three in a folder; default: as in BASE");
  command.add_option("--threads", o->threads, "Threads; 0: one per core")->check(from_to(0, kMaxThreads));
  command.footer(
      "K-quants and i-quants are read and not written: with such a base, say what the changed weights\n"
      "become. Weights that no adapter changes are copied.\n\n"
      "Examples:\n"
      "  ferrum merge model.gguf --lora adapter-folder --type Q8_0 --output merged.gguf\n"
      "  ferrum merge hf-folder --lora poet=0.5 --lora sql --output merged-folder");
  command.callback([o] { merge_command(*o); });
}

}  // namespace ferrum::cli
