// All commands, as one application.
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cstdlib>
#include <memory>

#include "base/log.h"
#include "cli/command.h"
#include "cli/manual/help_text.h"
#include "cli/manual/version.h"

namespace ferrum::cli {
namespace {

constexpr const char* kFooter =
    "Exit status: 0 on success; 1 after an error, which is reported on standard error; 2 for a command "
    "line\n"
    "that does not parse; 128 plus the signal's number after a signal, so 130 after Ctrl-C.\n\n"
    "Examples:\n"
    "  ferrum run                                  # chat with the demonstration model\n"
    "  ferrum run model.gguf \"Tell me a story.\"    # one answer\n"
    "  ferrum serve model.gguf                     # OpenAI's API at http://127.0.0.1:8000/v1\n"
    "  ferrum help run                             # a command's options, with examples";

struct Group {
  const char* heading;
  std::vector<void (*)(CLI::App&)> commands;
};

const std::vector<Group>& groups() {
  static const std::vector<Group> kGroups = {
      {"Talk", {add_run, add_serve, add_launch}},
      {"Texts as vectors", {add_embed, add_rerank}},
      {"Models by name", {add_pull, add_list, add_show, add_rm}},
      {"Look inside",
       {add_inspect, add_tokenize, add_detokenize, add_template, add_grammar, add_parse_tools}},
      {"Write models", {add_convert, add_merge, add_synthesize}},
      {"Measure", {add_bench, add_bench_serve, add_perplexity, add_logits}},
      {"Help", {add_help, add_completions, add_man}}};
  return kGroups;
}

std::string help_of_app(const CLI::App* app, const std::string& /*name*/, CLI::AppFormatMode /*mode*/) {
  const HelpLayout layout = layout_of(STDOUT_FILENO);
  return app->get_parent() ? help_text(command_entry(*app), layout) : help_text(manual_of(*app), layout);
}

struct Loudness {
  bool verbose = false;
  bool quiet = false;
};

// CLI11 2.4 and newer ignore an environment variable whose value is invalid; earlier ones throw. Here it is a
// mistake: throws CLI::ValidationError as if the value had been given to the option.
void refuse_invalid_environment(const CLI::App& app) {
  for (CLI::App* command : app.get_subcommands())
    for (CLI::Option* option : command->get_options()) {
      if (option->count() > 0 || option->get_envname().empty()) continue;
      const char* const value = std::getenv(option->get_envname().c_str());
      if (value == nullptr || *value == '\0') continue;
      option->add_result(std::string(value));
      option->run_callback();
    }
}

std::shared_ptr<Loudness> add_loudness(CLI::App& app) {
  auto loudness = std::make_shared<Loudness>();
  app.add_flag("-v,--verbose", loudness->verbose, "Log more details");
  app.add_flag("-q,--quiet", loudness->quiet, "Log only errors, and show no progress bars");
  return loudness;
}

void configure_log(const Loudness& loudness) {
  log::configure(loudness.quiet     ? log::Verbosity::kQuiet
                 : loudness.verbose ? log::Verbosity::kVerbose
                                    : log::Verbosity::kNormal);
}

}  // namespace

void add_commands(CLI::App& app) {
  app.name("ferrum");
  app.description("Ferrum runs large language models from GGUF files and Hugging Face folders.");
  app.formatter_fn(help_of_app);
  app.set_help_flag("-h,--help", "Show this help");
  app.set_version_flag("--version", std::string("ferrum ") + kVersion, "Print the version");
  app.require_subcommand(1);
  app.fallthrough();
  const std::shared_ptr<Loudness> loudness = add_loudness(app);
  app.parse_complete_callback([&app, loudness] {
    refuse_invalid_environment(app);
    configure_log(*loudness);
  });
  for (const Group& group : groups())
    for (const auto add : group.commands) {
      add(app);
      app.get_subcommands([](CLI::App*) { return true; }).back()->group(group.heading);
    }
  app.footer(kFooter);
}

}  // namespace ferrum::cli
