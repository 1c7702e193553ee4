// Ctrl-C: ends the process, or only the answer that is being given. SIGTERM and SIGHUP: end the process.
// Whichever ends it, no partial output file stays behind, and the exit code is 128 and the signal's number.
#pragma once
#include <signal.h>

#include <atomic>
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

  // From now on an interrupt requests a stop of this token instead of ending the process.
  std::stop_token begin_answer();
  // Whether there was one since.
  bool end_answer();

 private:
  void watch();

  sigset_t signals_;
  std::mutex mutex_;  // guards the three below
  Otherwise otherwise_ = Otherwise::kEndsTheProcess;
  std::stop_source answer_{std::nostopstate};
  bool answering_ = false;
  int signal_fd_;
  int wake_fd_;
  std::thread thread_;
};

}  // namespace ferrum::cli
