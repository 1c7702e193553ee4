#include "cli/interrupts.h"

#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <cstdint>
#include <cstdio>
#include <utility>

#include "base/error.h"
#include "base/output_file.h"

namespace ferrum::cli {
namespace {

sigset_t signals_not_ignored() {
  sigset_t set;
  sigemptyset(&set);
  for (const int signal : {SIGHUP, SIGINT, SIGTERM}) {
    struct sigaction action {};
    if (sigaction(signal, nullptr, &action) == 0 && action.sa_handler != SIG_IGN) sigaddset(&set, signal);
  }
  return set;
}

}  // namespace

Interrupts::Interrupts() : signals_(signals_not_ignored()) {
  pthread_sigmask(SIG_BLOCK, &signals_, nullptr);
  signal_fd_ = signalfd(-1, &signals_, SFD_CLOEXEC);
  wake_fd_ = eventfd(0, EFD_CLOEXEC);
  if (signal_fd_ < 0 || wake_fd_ < 0) fail(ErrorCode::kIo, "cannot watch for interrupts");
  thread_ = std::thread([this] { watch(); });
}

Interrupts::~Interrupts() {
  const uint64_t one = 1;
  if (write(wake_fd_, &one, sizeof one) == sizeof one) thread_.join();
  close(signal_fd_);
  close(wake_fd_);
  pthread_sigmask(SIG_UNBLOCK, &signals_, nullptr);
}

void Interrupts::end_by(uint32_t signal) {
  if (at_end_) at_end_();
  // The shell's prompt begins on a new line, not after a progress bar.
  if (isatty(STDERR_FILENO)) std::fputs("\n", stderr);
  OutputFile::end_process(128 + static_cast<int>(signal));
}

Interrupts::AtEnd::AtEnd(Interrupts& interrupts, std::function<void()> function) : interrupts_(interrupts) {
  const std::lock_guard lock(interrupts_.mutex_);
  interrupts_.at_end_ = std::move(function);
}

Interrupts::AtEnd::~AtEnd() {
  const std::lock_guard lock(interrupts_.mutex_);
  interrupts_.at_end_ = {};
}

void Interrupts::set_when_idle(WhenIdle otherwise) {
  const std::lock_guard lock(mutex_);
  when_idle_ = otherwise;
}

std::stop_token Interrupts::begin_answer() {
  const std::lock_guard lock(mutex_);
  answer_ = std::stop_source();
  answering_ = true;
  return answer_.get_token();
}

bool Interrupts::end_answer() {
  const std::lock_guard lock(mutex_);
  answering_ = false;
  return answer_.stop_requested();
}

void Interrupts::watch() {
  pollfd events[2] = {{signal_fd_, POLLIN, 0}, {wake_fd_, POLLIN, 0}};
  while (poll(events, 2, -1) >= 0 || errno == EINTR) {
    if (events[1].revents & POLLIN) return;
    if (!(events[0].revents & POLLIN)) continue;
    signalfd_siginfo info;
    if (read(signal_fd_, &info, sizeof info) != sizeof info) continue;
    const std::lock_guard lock(mutex_);
    if (info.ssi_signo != SIGINT) end_by(info.ssi_signo);
    if (answering_ && !answer_.stop_requested())
      answer_.request_stop();
    else if (when_idle_ == WhenIdle::kEndsTheProcess)
      end_by(SIGINT);
  }
}

}  // namespace ferrum::cli
