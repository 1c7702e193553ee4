// The requests of real clients in ../shared/clients, as they were recorded.
#pragma once
#include <algorithm>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "support/paths.h"

namespace ferrum::test {

struct RecordedRequest {
  std::filesystem::path file;
  std::string path;  // of the URL, with its query
  nlohmann::json body;
};

// In the order of their files. Each requests the model that FakeEngine serves.
inline std::vector<RecordedRequest> recorded_requests() {
  std::vector<std::filesystem::path> files;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(shared("clients")))
    if (entry.path().extension() == ".json") files.push_back(entry.path());
  std::sort(files.begin(), files.end());
  std::vector<RecordedRequest> all;
  for (const std::filesystem::path& file : files) {
    std::ifstream in(file);
    const nlohmann::json recorded = nlohmann::json::parse(in);
    all.push_back({.file = file, .path = recorded.at("path"), .body = recorded.at("body")});
    all.back().body["model"] = "fake";
  }
  return all;
}

}  // namespace ferrum::test
