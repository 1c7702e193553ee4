#include "cli/cli.h"

#include <fmt/core.h>

#include <CLI/CLI.hpp>
#include <csignal>
#include <new>

#include "base/error.h"
#include "base/log.h"
#include "cli/command.h"

namespace ferrum::cli {
namespace {

constexpr const char* kVersion = "0.1.0";

int report(const Error& error) {
  fmt::print(stderr, "ferrum: error: {} [{}]\n", error.what(), name_of(error.code()));
  return 1;
}

}  // namespace

int run(int argc, char** argv) {
  std::signal(SIGPIPE, SIG_IGN);  // a reader that went away shows as a failed write

  CLI::App app("Ferrum runs large language models from GGUF files and Hugging Face folders.", "ferrum");
  app.set_version_flag("--version", std::string("ferrum ") + kVersion);
  app.require_subcommand(1);
  app.get_formatter()->column_width(34);
  bool verbose = false;
  bool quiet = false;
  app.add_flag("-v,--verbose", verbose, "Say more about what is going on");
  app.add_flag("-q,--quiet", quiet, "Only errors, no progress bars");
  app.parse_complete_callback([&] {
    log::configure(quiet     ? log::Verbosity::kQuiet
                   : verbose ? log::Verbosity::kVerbose
                             : log::Verbosity::kNormal);
  });
  app.fallthrough();

  for (const auto add : {add_run, add_logits, add_perplexity, add_tokenize, add_detokenize, add_template,
                         add_inspect, add_synthesize, add_convert})
    add(app);

  try {
    app.parse(argc, argv);
    return 0;
  } catch (const CLI::ParseError& e) {
    const int code = app.exit(e);  // prints help, version or the mistake
    return code == 0 ? 0 : 2;
  } catch (const Exit& e) {
    return e.code;
  } catch (const Error& e) {
    return report(e);
  } catch (const std::bad_alloc&) {
    return report(Error(ErrorCode::kNoMemory, "out of memory"));
  }
}

}  // namespace ferrum::cli
