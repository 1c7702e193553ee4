// ferrum rerank: scores pairs of texts.
#include <CLI/CLI.hpp>
#include <memory>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "cli/command.h"
#include "cli/options.h"
#include "cli/text_job.h"

namespace ferrum::cli {
namespace {

void rerank_command(const TextJob& job) {
  TextWork work;
  work.use = TextKind::kLabels;
  work.name = "logits";
  work.make = [](const Json& line, const TextInputs& inputs, TooLong too_long) {
    if (!line.is_array() || line.size() != 2 || !line[0].is_string() || !line[1].is_string())
      fail(ErrorCode::kBadArgument, "a pair is a JSON array of two strings: the query and a text");
    return inputs.pair(line[0].get_ref<const std::string&>(), line[1].get_ref<const std::string&>(),
                       too_long);
  };
  work.finish = [](const ModelDescription&, std::span<const float> row) {
    return std::vector<float>(row.begin(), row.end());
  };
  run_text_job(job, work);
}

}  // namespace

void add_rerank(CLI::App& app) {
  auto job = std::make_shared<TextJob>();
  CLI::App& command = *app.add_subcommand("rerank", "Score how well texts answer queries");
  add_text_options(command, *job, "A JSON array of a query and a text a line; - for standard input",
                   "Output: a .safetensors file with logits [pairs, labels] float32");
  command.footer(
      "The model is a sequence classifier, such as a reranker. Logits are as the model gives them, before "
      "any\n"
      "softmax or logistic function.\n\n"
      "Example:\n"
      "  ferrum rerank bge-reranker-v2-m3 --input pairs.jsonl --output scores.safetensors");
  command.callback([job] { rerank_command(*job); });
}

}  // namespace ferrum::cli
