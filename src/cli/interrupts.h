// Ctrl-C ends the process, or only the answer in progress. SIGTERM and SIGHUP end the process. In all cases
// no partial output file is left, and the exit code is 128 plus the signal's number.
#pragma once
#include <signal.h>

#include <cstdint>
#include <functional>
#include <mutex>
#include <stop_token>
#include <thread>

namespace ferrum::cli {

// Construct before any other thread is created: it blocks the signals for all of them. Signals that are
// ignored, as under nohup, stay ignored.
class Interrupts {
 public:
  Interrupts();
  ~Interrupts();
  Interrupts(const Interrupts&) = delete;
  Interrupts& operator=(const Interrupts&) = delete;

  // The effect of an interrupt while there is no answer in progress, or its stop is already requested.
  enum class WhenIdle { kEndsTheProcess, kDoesNothing };
  void set_when_idle(WhenIdle otherwise);

  // While an object of this class exists, its function is called before a signal ends the process.
  class AtEnd {
   public:
    AtEnd(Interrupts& interrupts, std::function<void()> function);
    ~AtEnd();
    AtEnd(const AtEnd&) = delete;
    AtEnd& operator=(const AtEnd&) = delete;

   private:
    Interrupts& interrupts_;
  };

  // From now on an interrupt requests a stop through this token instead of ending the process.
  std::stop_token begin_answer();
  // Returns whether there was an interrupt since begin_answer().
  bool end_answer();

 private:
  void watch();
  [[noreturn]] void end_by(uint32_t signal);  // requires mutex_

  sigset_t signals_;
  std::mutex mutex_;  // guards the four members below
  WhenIdle when_idle_ = WhenIdle::kEndsTheProcess;
  std::stop_source answer_{std::nostopstate};
  bool answering_ = false;
  std::function<void()> at_end_;
  int signal_fd_;
  int wake_fd_;
  std::thread thread_;
};

}  // namespace ferrum::cli
