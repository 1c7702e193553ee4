// Which device computes.
#pragma once
#include <CLI/CLI.hpp>

#include "ferrum/engine.h"

namespace ferrum::cli {

void add_device_options(CLI::App& command, EngineOptions& options);  // --backend, --device

}  // namespace ferrum::cli
