// The report of `ferrum bench-serve`: a table, JSON or a chart.
#pragma once
#include <span>
#include <string>
#include <vector>

#include "loadgen/figures.h"
#include "loadgen/load.h"
#include "loadgen/openai.h"
#include "loadgen/workload.h"

namespace ferrum::cli {

// The server and the workload.
struct LoadSetting {
  std::string url;  // the API's base
  loadgen::RequestOptions request;
  std::string prompt_file;            // empty: random words
  loadgen::WorkloadOptions workload;  // its prompts may be empty
  loadgen::Targets targets;
  std::vector<std::string> dropped_fields;  // fields that the server refuses
};

struct LoadRow {
  loadgen::Load load;
  loadgen::LoadFigures figures;
  std::vector<loadgen::Sample> samples;
};

// "1 client", "8 clients", "2.5/s poisson"
std::string label(const loadgen::Load& load);

std::string load_table(const LoadSetting& setting, std::span<const LoadRow> rows);

// An array with an object for each row (docs/bench-serve.md describes it).
enum class Samples { kOmitted, kIncluded };
std::string load_json(const LoadSetting& setting, std::span<const LoadRow> rows, Samples samples);

// Tokens per second, and times: medians and 99th percentiles.
std::string load_svg(const LoadSetting& setting, std::span<const LoadRow> rows);

}  // namespace ferrum::cli
