// Ctrl-C: ends the process, or only the answer that is being given. SIGTERM and SIGHUP: end the process.
// Whichever ends it, no partial output file stays behind, and the exit code is 128 and the signal's number.
#pragma once
#include <signal.h>

#include <cstdint>
#include <functional>
#include <mutex>
#include <stop_token>
#include <thread>

namespace ferrum::cli {

// Make one before any other thread is made: it takes the signals away from all of them. Those that are
// ignored, as by nohup, stay so.
class Interrupts {
 public:
  Interrupts();
  ~Interrupts();
  Interrupts(const Interrupts&) = delete;
  Interrupts& operator=(const Interrupts&) = delete;

  // What an interrupt does while no answer is given, or an answer's stop is already requested.
  enum class Otherwise { kEndsTheProcess, kDoesNothing };
  void set_otherwise(Otherwise otherwise);

  // While one of these exists, its function is called before a signal ends the process.
  class AtEnd {
   public:
    AtEnd(Interrupts& interrupts, std::function<void()> function);
    ~AtEnd();
    AtEnd(const AtEnd&) = delete;
    AtEnd& operator=(const AtEnd&) = delete;

   private:
    Interrupts& interrupts_;
  };

  // From now on an interrupt requests a stop of this token instead of ending the process.
  std::stop_token begin_answer();
  // Whether there was one since.
  bool end_answer();

 private:
  void watch();
  [[noreturn]] void end_by(uint32_t signal);  // with mutex_ held

  sigset_t signals_;
  std::mutex mutex_;  // guards the four below
  Otherwise otherwise_ = Otherwise::kEndsTheProcess;
  std::stop_source answer_{std::nostopstate};
  bool answering_ = false;
  std::function<void()> at_end_;
  int signal_fd_;
  int wake_fd_;
  std::thread thread_;
};

}  // namespace ferrum::cli
