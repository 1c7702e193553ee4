// The front matter of a model card (README.md): the lines between "---" at its beginning.
#pragma once
#include <filesystem>
#include <string>

namespace ferrum {

struct ModelCard {
  std::string license;  // "apache-2.0"; empty where the card has none
};

// From README.md or MODEL_CARD.md of a folder; empty if there is none. Lines that cannot be parsed are
// skipped.
ModelCard read_model_card(const std::filesystem::path& folder);

}  // namespace ferrum
