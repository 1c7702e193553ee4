// The commands of a chat, which begin with a slash.
#pragma once
#include <string>
#include <string_view>

#include "cli/chat.h"
#include "cli/terminal/edit_session.h"

namespace ferrum::cli {

// Whether an entry is a command rather than a message: its first word is a slash and a word without another
// slash, so that a path may begin a message.
bool is_chat_command(std::string_view entry);

enum class AfterCommand { kGoOn, kLeave };
// Runs a command and reports on standard error. /regen writes the new answer to standard output.
AfterCommand run_chat_command(Chat& chat, const std::string& entry);

// Completes commands, settings with their values, and files.
Completion complete_chat_entry(std::string_view before_cursor);

// `path` with a leading ~/ replaced by the home folder, as in a shell.
std::string expanded_path(const std::string& path);

}  // namespace ferrum::cli
