// ferrum convert: converts a Hugging Face folder to one GGUF file.
#include <fmt/core.h>

#include <CLI/CLI.hpp>
#include <filesystem>
#include <memory>

#include "base/error.h"
#include "base/human_bytes.h"
#include "checkpoint/writers/convert.h"
#include "cli/command.h"
#include "cli/interrupts.h"
#include "cli/model_source.h"
#include "cli/options.h"
#include "cli/progress.h"

namespace ferrum::cli {
namespace {

struct ConvertCommandOptions {
  std::filesystem::path source;
  std::filesystem::path target;
  std::string type;
  int threads = 0;
};

void convert_command(const ConvertCommandOptions& o) {
  const Interrupts interrupts;
  ConvertOptions options = {.pipeline = {.threads = o.threads}};
  if (!o.type.empty()) {
    options.type = file_type_named(o.type);
    if (!options.type)
      fail(ErrorCode::kBadArgument, "--type {}: the types are F32, F16, BF16, Q8_0", in_quotes(o.type));
  }
  {
    Progress progress("converting");
    options.pipeline.progress = [&](uint64_t done, uint64_t total) { progress.update(done, total); };
    convert(find_model(o.source), o.target, options);
  }
  fmt::print("{}: {}\n", o.target.string(), human_bytes(std::filesystem::file_size(o.target)));
}

}  // namespace

void add_convert(CLI::App& app) {
  auto o = std::make_shared<ConvertCommandOptions>();
  CLI::App& command = *app.add_subcommand("convert", "Write a Hugging Face model as one GGUF file");
  command.add_option("FOLDER", o->source, "With config.json, *.safetensors, tokenizer.json, or its name")
      ->required()
      ->check(a_name());
  command.add_option("OUT", o->target, "The .gguf file to write; created when complete")
      ->required()
      ->check(a_name());
  command.add_option("--type", o->type, "F32, F16, BF16 or Q8_0; default: the folder's type");
  command.add_option("--threads", o->threads, "Threads; 0: one per core")->check(from_to(0, kMaxThreads));
  command.footer(
      "Examples:\n"
      "  ferrum convert hf-folder model.gguf\n"
      "  ferrum convert hf-folder model-q8_0.gguf --type Q8_0");
  command.callback([o] { convert_command(*o); });
}

}  // namespace ferrum::cli
