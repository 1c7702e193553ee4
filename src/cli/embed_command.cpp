// ferrum embed: computes embeddings of texts.
#include <CLI/CLI.hpp>
#include <memory>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "cli/command.h"
#include "cli/options.h"
#include "cli/text_job.h"
#include "engine/text_results.h"

namespace ferrum::cli {
namespace {

struct EmbedOptions {
  TextJob job;
  std::string prompt_name;
  int dimensions = 0;
};

void embed_command(const EmbedOptions& o) {
  TextWork work;
  work.use = TextKind::kEmbedding;
  work.name = "embeddings";
  work.make = [&](const Json& line, const TextInputs& inputs, TooLong too_long) {
    if (!line.is_string()) fail(ErrorCode::kBadArgument, "a text is a JSON string");
    return inputs.single(inputs.prompt(o.prompt_name), line.get_ref<const std::string&>(), too_long);
  };
  work.check = [&](const ModelDescription& model, int width) {
    if (o.dimensions > width)
      fail(ErrorCode::kBadArgument, "--dimensions is {}, but embeddings of {} have {}", o.dimensions,
           model.name, width);
  };
  work.finish = [&](const ModelDescription& model, std::span<const float> row) {
    return finished_embedding(row, o.dimensions, model.text_head.normalizes);
  };
  run_text_job(o.job, work);
}

}  // namespace

void add_embed(CLI::App& app) {
  auto o = std::make_shared<EmbedOptions>();
  CLI::App& command = *app.add_subcommand("embed", "Compute embeddings of texts");
  add_text_options(command, o->job, "A JSON string a line; - for standard input",
                   "Output: a .safetensors file with embeddings [texts, dimensions] float32");
  command
      .add_option("--prompt-name", o->prompt_name,
                  "The prompt to put before each text, by its name in the model's files")
      ->check(a_name());
  command
      .add_option("--dimensions", o->dimensions,
                  "Keep as many numbers of each embedding, normalised again; 0: all")
      ->check(from_to(0))
      ->capture_default_str();
  command.footer(
      "The model is an encoder, or a decoder whose files say how a text becomes one vector. Many texts are\n"
      "computed together, without padding; none depends on the others.\n\n"
      "Examples:\n"
      "  ferrum embed all-MiniLM-L6-v2 --input texts.jsonl --output embeddings.safetensors\n"
      "  ferrum embed nomic-embed --input queries.jsonl --output queries.safetensors --prompt-name query");
  command.callback([o] { embed_command(*o); });
}

}  // namespace ferrum::cli
