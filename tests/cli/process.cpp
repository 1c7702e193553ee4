#include "support/process.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>

namespace ferrum::test {
namespace {

constexpr int kPatience = 200'000;  // ms; a busy machine is slow, a hang is longer

[[noreturn]] void become_ferrum(const std::vector<std::string>& args) {
  for (const int ending : {SIGHUP, SIGINT, SIGTERM})
    signal(ending, SIG_DFL);  // ignored where tests run behind
  std::vector<char*> argv = {const_cast<char*>(FERRUM_BINARY)};
  for (const std::string& arg : args) argv.push_back(const_cast<char*>(arg.c_str()));
  argv.push_back(nullptr);
  execv(FERRUM_BINARY, argv.data());
  _exit(127);
}

int exit_code_of(int pid) {
  int status = 0;
  while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {
  }
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

struct Pipe {
  Pipe() {
    if (pipe2(ends, O_CLOEXEC) != 0) std::abort();
  }
  int ends[2];
};

}  // namespace

Finished ferrum(const std::vector<std::string>& args, std::string_view input) {
  signal(SIGPIPE, SIG_IGN);
  Pipe in, out, err;
  const int pid = fork();
  if (pid == 0) {
    dup2(in.ends[0], STDIN_FILENO);
    dup2(out.ends[1], STDOUT_FILENO);
    dup2(err.ends[1], STDERR_FILENO);
    become_ferrum(args);
  }
  close(in.ends[0]);
  close(out.ends[1]);
  close(err.ends[1]);
  fcntl(in.ends[1], F_SETFL, O_NONBLOCK);
  Finished result;
  pollfd events[3] = {{out.ends[0], POLLIN, 0}, {err.ends[0], POLLIN, 0}, {in.ends[1], POLLOUT, 0}};
  const auto close_event = [](pollfd& event) {
    close(event.fd);
    event.fd = -1;
  };
  if (input.empty()) close_event(events[2]);
  while (events[0].fd >= 0 || events[1].fd >= 0) {
    if (poll(events, 3, kPatience) <= 0) {
      ADD_FAILURE() << "ferrum " << (args.empty() ? "" : args[0]) << " hangs";
      kill(pid, SIGKILL);
      break;
    }
    for (int i = 0; i < 2; ++i) {
      if (events[i].fd < 0 || !events[i].revents) continue;
      char buffer[65536];
      const ssize_t n = read(events[i].fd, buffer, sizeof buffer);
      if (n <= 0)
        close_event(events[i]);
      else
        (i == 0 ? result.out : result.err).append(buffer, static_cast<size_t>(n));
    }
    if (events[2].fd >= 0 && events[2].revents) {
      const ssize_t n = write(events[2].fd, input.data(), input.size());
      if (n > 0) input.remove_prefix(static_cast<size_t>(n));
      if (input.empty() || (n < 0 && errno != EAGAIN)) close_event(events[2]);
    }
  }
  for (pollfd& event : events)
    if (event.fd >= 0) close_event(event);
  result.exit_code = exit_code_of(pid);
  return result;
}

Terminal::Terminal(const std::vector<std::string>& args) {
  winsize size = {.ws_row = 40, .ws_col = 200, .ws_xpixel = 0, .ws_ypixel = 0};
  pid_ = forkpty(&fd_, nullptr, nullptr, &size);
  if (pid_ == 0) {
    setenv("TERM", "xterm", 1);
    become_ferrum(args);
  }
}

Terminal::Terminal(const std::function<int()>& program, int columns, int rows) {
  winsize size = {};
  size.ws_row = static_cast<unsigned short>(rows);
  size.ws_col = static_cast<unsigned short>(columns);
  fflush(stdout);  // what is buffered would be the child's as well
  pid_ = forkpty(&fd_, nullptr, nullptr, &size);
  if (pid_ == 0) {
    setenv("TERM", "xterm", 1);
    _exit(program());
  }
}

void Terminal::resize(int columns, int rows) {
  winsize size = {};
  size.ws_row = static_cast<unsigned short>(rows);
  size.ws_col = static_cast<unsigned short>(columns);
  EXPECT_EQ(ioctl(fd_, TIOCSWINSZ, &size), 0);
}

Terminal::~Terminal() {
  if (pid_ > 0) {
    kill(pid_, SIGKILL);
    exit_code_of(pid_);
  }
  close(fd_);
}

void Terminal::type(std::string_view keys) {
  EXPECT_EQ(write(fd_, keys.data(), keys.size()), static_cast<ssize_t>(keys.size()));
}

void Terminal::send(int signal) { EXPECT_EQ(kill(pid_, signal), 0); }

bool Terminal::read_more(int patience_ms) {
  pollfd event = {fd_, POLLIN, 0};
  if (poll(&event, 1, patience_ms) <= 0) return false;
  char buffer[65536];
  const ssize_t n = read(fd_, buffer, sizeof buffer);
  if (n <= 0) return false;
  screen_.append(buffer, static_cast<size_t>(n));
  return true;
}

std::string Terminal::expect(std::string_view text) {
  size_t at;
  while ((at = screen_.find(text, matched_)) == std::string::npos) {
    if (!read_more(kPatience)) {
      ADD_FAILURE() << "no \"" << text << "\" after: " << screen_.substr(matched_);
      return screen_.substr(matched_);
    }
  }
  const std::string result = screen_.substr(matched_, at + text.size() - matched_);
  matched_ = at + text.size();
  return result;
}

int Terminal::wait() {
  while (read_more(kPatience)) {
  }
  int status = 0;
  int waited = 0;  // the terminal closes before the program has ended
  while (waitpid(pid_, &status, WNOHANG) == 0) {
    if (waited++ == kPatience) {
      ADD_FAILURE() << "the program does not end after: " << screen_.substr(matched_);
      kill(pid_, SIGKILL);
    }
    pollfd never = {-1, 0, 0};
    poll(&never, 1, 1);
  }
  pid_ = -1;
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

}  // namespace ferrum::test
