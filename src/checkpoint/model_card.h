// What a model card (README.md) says in the lines between "---" at its beginning.
#pragma once
#include <filesystem>
#include <string>

namespace ferrum {

struct ModelCard {
  std::string license;  // "apache-2.0"; empty where it says none
};

// From README.md or MODEL_CARD.md of a folder; empty if there is none. Anything odd in it is passed over.
ModelCard read_model_card(const std::filesystem::path& folder);

}  // namespace ferrum
