// A program that has the terminal while this process waits for it.
#pragma once
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace ferrum::cli {

// The path of an executable file of this name in the folders of PATH.
std::optional<std::string> find_program(std::string_view name);

struct ChildProgram {
  std::string path;
  std::vector<std::string> arguments;
  std::map<std::string, std::string> environment;  // in place of this process's variables of these names
  std::vector<std::string> unset;                  // variables that it does not get
};

// SIGTERM and SIGHUP end the child, then this process. Construct before other threads exist: the signals are
// blocked for all of them. Until the child runs they end the process at once.
class ChildProcess {
 public:
  ChildProcess();

  // Runs the program to its end and returns its exit code, 128 plus the number if a signal ended it. What is
  // typed, Ctrl-C included, is the child's. Error kIo if it cannot be started. Call once.
  int run(const ChildProgram& program);
};

}  // namespace ferrum::cli
