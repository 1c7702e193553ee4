// The command line: one function for all of it, and one file per command.
#pragma once

namespace ferrum::cli {

// Runs the command in argv and returns the exit code: 0; 1 for an error, which is reported on standard error;
// 2 for a command line that does not parse; 128 plus the signal's number after a signal, so 130 after an
// interrupt.
int run(int argc, char** argv);

}  // namespace ferrum::cli
