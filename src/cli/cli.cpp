#include "cli/cli.h"

#include <CLI/CLI.hpp>

namespace ferrum::cli {

int run(int argc, char** argv) {
  CLI::App app("Ferrum runs and serves large language models.", "ferrum");
  app.require_subcommand(1);
  CLI11_PARSE(app, argc, argv);
  return 0;
}

}  // namespace ferrum::cli
