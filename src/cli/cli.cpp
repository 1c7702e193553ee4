#include "cli/cli.h"

#include <poll.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <csignal>
#include <cstdio>
#include <new>
#include <span>
#include <system_error>

#include "base/error.h"
#include "base/isa_choice.h"
#include "cli/command.h"
#include "cli/manual/help_text.h"
#include "cli/notes.h"
#include "cli/standard_streams.h"
#include "cli/terminal/style.h"
#include "cli/usage_mistake.h"

namespace ferrum::cli {
namespace {

void say_error(const std::string& text) {
  note("{} {}\n", Style::of(STDERR_FILENO).mistake("ferrum: error:"), text);
}

int report(const Error& error) {
  say_error(fmt::format("{} [{}]", error.what(), name_of(error.code())));
  return 1;
}

bool reader_went_away() {
  pollfd out = {.fd = STDOUT_FILENO, .events = POLLOUT, .revents = 0};
  return poll(&out, 1, 0) == 1 && (out.revents & POLLERR);
}

// A command succeeds only if all of its output is flushed. A closed pipe is not an error.
int finish_output(int code) {
  const bool written = std::fflush(stdout) == 0 && !std::ferror(stdout);
  if (written || reader_went_away()) return code;
  return report(Error(ErrorCode::kIo, "cannot write to standard output"));
}

int report(const CLI::App& app, const CLI::ParseError& error, std::span<char* const> args) {
  if (error.get_exit_code() == 0) {  // --help or --version
    app.exit(error);
    return finish_output(0);
  }
  if (args.empty())
    note("{}", help_text(manual_of(app), layout_of(STDERR_FILENO)));
  else
    say_error(usage_mistake(app, error, args));
  return 2;
}

}  // namespace

int run(int argc, char** argv) {
  occupy_standard_streams();
  std::signal(SIGPIPE, SIG_IGN);  // a reader that went away is seen as a failed write
  std::signal(SIGXFSZ, SIG_IGN);  // so is a limit on file sizes

  force_isa(std::nullopt);  // what --isa of an earlier call in this process chose
  CLI::App app;
  add_commands(app);
  try {
    app.parse(argc, argv);
    return finish_output(0);
  } catch (const CLI::ParseError& e) {
    return report(app, e, std::span(argv, static_cast<size_t>(argc)).subspan(argc > 0 ? 1 : 0));
  } catch (const Exit& e) {
    return finish_output(e.code);
  } catch (const Error& e) {
    return report(e);
  } catch (const std::system_error& e) {  // from fmt if a write fails, otherwise from the file system
    return std::ferror(stdout) ? finish_output(1) : report(Error(ErrorCode::kIo, e.what()));
  } catch (const std::bad_alloc&) {
    return report(Error(ErrorCode::kNoMemory, "out of memory"));
  }
}

}  // namespace ferrum::cli
