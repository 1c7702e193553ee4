#include "cli/interrupts.h"

#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <cstdint>

#include "base/error.h"

namespace ferrum::cli {
namespace {

sigset_t interrupt_set() {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGINT);
  return set;
}

}  // namespace

Interrupts::Interrupts() {
  const sigset_t set = interrupt_set();
  pthread_sigmask(SIG_BLOCK, &set, nullptr);
  signal_fd_ = signalfd(-1, &set, SFD_CLOEXEC);
  wake_fd_ = eventfd(0, EFD_CLOEXEC);
  if (signal_fd_ < 0 || wake_fd_ < 0) fail(ErrorCode::kIo, "cannot watch for interrupts");
  thread_ = std::thread([this] { watch(); });
}

Interrupts::~Interrupts() {
  const uint64_t one = 1;
  if (write(wake_fd_, &one, sizeof one) == sizeof one) thread_.join();
  close(signal_fd_);
  close(wake_fd_);
  const sigset_t set = interrupt_set();
  pthread_sigmask(SIG_UNBLOCK, &set, nullptr);
}

void Interrupts::set_otherwise(Otherwise otherwise) {
  const std::lock_guard lock(mutex_);
  otherwise_ = otherwise;
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
    if (answering_ && !answer_.stop_requested())
      answer_.request_stop();
    else if (otherwise_ == Otherwise::kEndsTheProcess)
      _exit(130);
  }
}

}  // namespace ferrum::cli
