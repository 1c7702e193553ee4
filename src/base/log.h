// Diagnostics on standard error: ferrum::log::warn("…{}", x). Text from files or clients goes through
// in_quotes().
#pragma once
#include <spdlog/spdlog.h>

namespace ferrum::log {

using spdlog::debug;
using spdlog::error;
using spdlog::info;
using spdlog::warn;

enum class Verbosity { kQuiet, kNormal, kVerbose };

// Once, at start, before any thread is made.
void configure(Verbosity verbosity);

}  // namespace ferrum::log
