// ferrum rm: removes a model from the cache.
#include <fmt/core.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <memory>

#include "base/error.h"
#include "base/human_bytes.h"
#include "cli/command.h"
#include "cli/confirm.h"
#include "cli/options.h"
#include "hub/cache.h"
#include "hub/settings.h"

namespace ferrum::cli {
namespace {

struct RmOptions {
  std::vector<std::string> names;
  bool yes = false;
};

void remove(const hub::Cache& cache, const std::string& text, bool yes) {
  const hub::ModelName name = hub::parse_model_name(text);
  const auto model = cache.find(name);
  if (!model)
    fail(ErrorCode::kNotFound, "{}: no such model in the cache; ferrum list shows its models",
         in_quotes(text));
  const std::string what = fmt::format("{} ({})", model->name, human_bytes(model->offer.bytes));
  if (!yes) {
    if (!isatty(STDIN_FILENO))
      fail(ErrorCode::kBadArgument, "{}: not removed; --yes removes it without confirmation", what);
    if (!confirm(fmt::format("Remove {}?", what), DefaultAnswer::kNo)) throw Exit{1};
  }
  const hub::Cache::Removal removal = cache.remove(*model);
  fmt::print("{}: removed, {} free{}\n", model->name, human_bytes(removal.bytes),
             removal.kept > 0 ? fmt::format("; {} kept for other models", human_bytes(removal.kept)) : "");
}

}  // namespace

void add_rm(CLI::App& app) {
  auto o = std::make_shared<RmOptions>();
  CLI::App& command = *app.add_subcommand("rm", "Remove models from the local cache");
  command.add_option("NAME", o->names, "A name that ferrum list shows")->required()->check(a_name());
  command.add_flag("-y,--yes", o->yes, "Do not ask for confirmation");
  command.footer(
      "Files that other models or revisions use are kept.\n\n"
      "Examples:\n"
      "  ferrum rm Qwen/Qwen3-0.6B-GGUF:Q8_0\n"
      "  ferrum rm --yes org/a org/b:Q4_0");
  command.callback([o] {
    const hub::Cache cache(hub::cache_folder(hub::process_environment()));
    for (const std::string& name : o->names) remove(cache, name, o->yes);
  });
}

}  // namespace ferrum::cli
