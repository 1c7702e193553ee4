// The commands. Each `add_…` declares a subcommand of `app` with its options, help, examples and a callback
// that does the work. Callbacks throw Error for what the user can correct; `cli::run` reports it.
#pragma once
#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>

namespace ferrum::cli {

void add_run(CLI::App& app);
void add_embed(CLI::App& app);
void add_rerank(CLI::App& app);
void add_logits(CLI::App& app);
void add_perplexity(CLI::App& app);
void add_tokenize(CLI::App& app);
void add_detokenize(CLI::App& app);
void add_template(CLI::App& app);
void add_grammar(CLI::App& app);
void add_parse_tools(CLI::App& app);
void add_inspect(CLI::App& app);
void add_pull(CLI::App& app);
void add_list(CLI::App& app);
void add_show(CLI::App& app);
void add_rm(CLI::App& app);
void add_synthesize(CLI::App& app);
void add_convert(CLI::App& app);
void add_merge(CLI::App& app);
void add_bench(CLI::App& app);
void add_serve(CLI::App& app);
void add_launch(CLI::App& app);
void add_bench_serve(CLI::App& app);
void add_help(CLI::App& app);
void add_completions(CLI::App& app);
void add_man(CLI::App& app);

// All commands by group, and the options of every command: --help, --version, --verbose and --quiet.
void add_commands(CLI::App& app);

// Thrown by a callback to end the process with a certain exit code, after it has reported everything itself.
struct Exit {
  int code;
};

}  // namespace ferrum::cli
