// The three standard streams, which a parent process may have closed.
#pragma once

namespace ferrum::cli {

// Gives each closed standard stream its descriptor back; reading it or writing to it still fails. Otherwise
// the next file or socket that is opened would get that number, and messages would be written into it. Called
// before anything is opened.
void occupy_standard_streams();

}  // namespace ferrum::cli
