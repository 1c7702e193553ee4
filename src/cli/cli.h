// The command line: one function for all of it, one file per command beside it.
#pragma once

namespace ferrum::cli {

// Runs the command that argv names. Returns the process's exit code: 0; 1 for an error, which is reported on
// standard error; 2 for a command line that does not parse; 128 and the number of the
// signal that ended it, so 130 after an interrupt.
int run(int argc, char** argv);

}  // namespace ferrum::cli
