// Running the program as a user would: with arguments and a pipe, or on a terminal.
#pragma once
#include <chrono>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace ferrum::test {

struct Finished {
  int exit_code = -1;  // 128 + signal if one ended it
  std::string out;
  std::string err;
};

// Runs `ferrum ARGS` with `input` on its standard input, to its end.
Finished ferrum(const std::vector<std::string>& args, std::string_view input = {});

// `ferrum ARGS` on a pseudo-terminal.
class Terminal {
 public:
  explicit Terminal(const std::vector<std::string>& args);
  // The same for a function of the test's, in a process of its own; it returns the exit code.
  Terminal(const std::function<int()>& program, int columns, int rows);
  ~Terminal();  // kills what still runs
  Terminal(const Terminal&) = delete;
  Terminal& operator=(const Terminal&) = delete;

  void type(std::string_view keys);
  void send(int signal);
  // Waits until `text` appears after what was matched before, and returns what came up to its end. Fails the
  // test, and returns what there was, if the program ends or a minute passes.
  std::string expect(std::string_view text);
  int wait();                          // for its end; the exit code
  void resize(int columns, int rows);  // and SIGWINCH, as the window of a terminal does
  const std::string& output() const { return screen_; }
  int pid() const { return pid_; }

 private:
  bool read_more(int patience_ms);

  int pid_ = -1;
  int fd_ = -1;
  std::string screen_;
  size_t matched_ = 0;
};

}  // namespace ferrum::test
