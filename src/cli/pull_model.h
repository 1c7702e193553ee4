// Pulls a model and shows the progress: a live line on a terminal, plain lines elsewhere.
#pragma once
#include <string>

#include "hub/pull.h"

namespace ferrum::cli {

// Throws as hub::pull does.
hub::CachedModel pull_model(const hub::ModelName& name, const hub::Settings& settings,
                            const hub::PullOptions& options = {});

// "model.gguf  43%  268 MiB of 610 MiB  23.4 MiB/s  0:15 left (file 3 of 9; all 12%)"
std::string progress_text(const hub::PullProgress& progress, double bytes_per_second);
// "0:15", "1:02:03"
std::string duration_text(double seconds);

}  // namespace ferrum::cli
