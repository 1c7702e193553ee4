#include "cli/child_process.h"

#include <signal.h>
#include <spawn.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <mutex>
#include <thread>

#include "base/error.h"

extern char** environ;

namespace ferrum::cli {
namespace {

constexpr int kSignalled = 128;  // plus the number: an exit code

std::mutex g_mutex;  // of the two below
pid_t g_child = 0;   // 0: it does not run
bool g_ended = false;

sigset_t ending_signals() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGHUP);
  return signals;
}

// Passes signals on for as long as the process lives.
void pass_on() {
  const sigset_t signals = ending_signals();
  while (true) {
    int signal = 0;
    sigwait(&signals, &signal);
    const std::lock_guard lock(g_mutex);
    if (g_child > 0)
      kill(g_child, signal);
    else if (!g_ended)
      _exit(kSignalled + signal);
  }
}

std::vector<std::string> environment_of(const ChildProgram& program) {
  std::vector<std::string> variables;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string_view variable = *entry;
    const std::string name(variable.substr(0, variable.find('=')));
    const bool goes =
        program.environment.contains(name) || std::ranges::find(program.unset, name) != program.unset.end();
    if (!goes) variables.emplace_back(variable);
  }
  for (const auto& [name, value] : program.environment) variables.push_back(name + "=" + value);
  return variables;
}

std::vector<char*> pointers_to(std::vector<std::string>& texts) {
  std::vector<char*> pointers;
  for (std::string& text : texts) pointers.push_back(text.data());
  pointers.push_back(nullptr);
  return pointers;
}

// With the signals as programs expect them.
pid_t spawn(const ChildProgram& program) {
  std::vector<std::string> arguments = program.arguments;
  arguments.insert(arguments.begin(), program.path);
  std::vector<std::string> variables = environment_of(program);
  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  sigset_t none, defaults = ending_signals();
  sigemptyset(&none);
  sigaddset(&defaults, SIGINT);
  sigaddset(&defaults, SIGQUIT);
  sigaddset(&defaults, SIGPIPE);
  posix_spawnattr_setsigmask(&attributes, &none);
  posix_spawnattr_setsigdefault(&attributes, &defaults);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
  pid_t child = 0;
  const int error = posix_spawn(&child, program.path.c_str(), nullptr, &attributes,
                                pointers_to(arguments).data(), pointers_to(variables).data());
  posix_spawnattr_destroy(&attributes);
  if (error != 0) fail(ErrorCode::kIo, "cannot start {}: {}", program.path, strerror(error));
  return child;
}

}  // namespace

std::optional<std::string> find_program(std::string_view name) {
  const char* const folders = std::getenv("PATH");
  std::string_view rest = folders == nullptr ? "" : folders;
  while (!rest.empty()) {
    const std::string_view folder = rest.substr(0, rest.find(':'));
    rest.remove_prefix(std::min(folder.size() + 1, rest.size()));
    const std::string path = (folder.empty() ? "." : std::string(folder)) + "/" + std::string(name);
    struct stat status = {};
    if (stat(path.c_str(), &status) == 0 && S_ISREG(status.st_mode) && access(path.c_str(), X_OK) == 0)
      return path;
  }
  return std::nullopt;
}

ChildProcess::ChildProcess() {
  const sigset_t signals = ending_signals();
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  std::thread(pass_on).detach();
}

int ChildProcess::run(const ChildProgram& program) {
  // The terminal sends these to both processes: they are meant for the child.
  signal(SIGINT, SIG_IGN);
  signal(SIGQUIT, SIG_IGN);
  pid_t child = 0;
  {
    const std::lock_guard lock(g_mutex);
    child = g_child = spawn(program);
  }
  // Only noted here: the child's number stays its own until it is known that no signal is sent to it any
  // more.
  siginfo_t info = {};
  while (waitid(P_PID, static_cast<id_t>(child), &info, WEXITED | WNOWAIT) != 0 && errno == EINTR) {
  }
  const std::lock_guard lock(g_mutex);
  g_child = 0;
  g_ended = true;
  int status = 0;
  while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  return WIFEXITED(status) ? WEXITSTATUS(status) : kSignalled + WTERMSIG(status);
}

}  // namespace ferrum::cli
