#include "cli/cli.h"

#include <fmt/core.h>
#include <poll.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <csignal>
#include <cstdio>
#include <new>
#include <span>
#include <string_view>
#include <system_error>

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

bool reader_went_away() {
  pollfd out = {.fd = STDOUT_FILENO, .events = POLLOUT, .revents = 0};
  return poll(&out, 1, 0) == 1 && (out.revents & POLLERR);
}

// A command has done its work only when all of its output is out. A reader that went away had enough.
int finish_output(int code) {
  const bool written = std::fflush(stdout) == 0 && !std::ferror(stdout);
  if (written || reader_went_away()) return code;
  return report(Error(ErrorCode::kIo, "cannot write to standard output"));
}

bool is_on_command_line(const CLI::Option& option, std::span<char* const> args) {
  return std::any_of(args.begin(), args.end(), [&](std::string_view arg) {
    const auto begins = [&](const char* dashes, const std::vector<std::string>& names) {
      return std::any_of(names.begin(), names.end(),
                         [&](const std::string& name) { return arg.starts_with(dashes + name); });
    };
    return begins("--", option.get_lnames()) || begins("-", option.get_snames());
  });
}

// What is said of a value that was not taken. CLI11 says it of the option, also where the value came from
// the option's environment variable.
CLI::ValidationError naming_its_source(const CLI::ValidationError& error, const CLI::App& app,
                                       std::span<char* const> args) {
  const std::string said = error.what();
  for (const CLI::App* command : app.get_subcommands())
    for (const CLI::Option* option : command->get_options())
      if (!option->get_envname().empty() && said.starts_with(option->get_name() + ": ") &&
          !is_on_command_line(*option, args))
        return CLI::ValidationError(option->get_envname(), said.substr(option->get_name().size() + 2));
  return error;
}

int report(const CLI::App& app, const CLI::ParseError& error, std::span<char* const> args) {
  const char* const first_word = args.empty() ? nullptr : args.front();
  const auto is_it = [&](const CLI::App* command) { return command->check_name(first_word); };
  if (first_word && *first_word != '-' && app.get_subcommands(is_it).empty()) {
    fmt::print(stderr, "There is no command {}; ferrum --help lists what there is.\n", in_quotes(first_word));
    return 2;
  }
  // What is missing may be what an unknown option was meant to be.
  const std::vector<std::string> unknown = app.remaining(true);
  const bool something_is_missing = dynamic_cast<const CLI::RequiredError*>(&error) != nullptr;
  const auto* const bad_value = dynamic_cast<const CLI::ValidationError*>(&error);
  const int code = something_is_missing && !unknown.empty() ? app.exit(CLI::ExtrasError(unknown))
                   : bad_value ? app.exit(naming_its_source(*bad_value, app, args))
                               : app.exit(error);  // prints help, version or the mistake
  return code == 0 ? finish_output(0) : 2;
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
                         add_inspect, add_synthesize, add_convert, add_bench, add_serve, add_bench_serve})
    add(app);

  try {
    app.parse(argc, argv);
    return finish_output(0);
  } catch (const CLI::ParseError& e) {
    return report(app, e, std::span(argv, static_cast<size_t>(argc)).subspan(argc > 0 ? 1 : 0));
  } catch (const Exit& e) {
    return finish_output(e.code);
  } catch (const Error& e) {
    return report(e);
  } catch (const std::system_error& e) {  // fmt's, where a write fails; else the file system's
    return std::ferror(stdout) ? finish_output(1) : report(Error(ErrorCode::kIo, e.what()));
  } catch (const std::bad_alloc&) {
    return report(Error(ErrorCode::kNoMemory, "out of memory"));
  }
}

}  // namespace ferrum::cli
