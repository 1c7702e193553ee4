// LoRA adapters with random numbers, as PEFT saves them.
#pragma once
#include <filesystem>
#include <fstream>
#include <functional>
#include <random>
#include <string>
#include <vector>

#include "checkpoint/architecture.h"
#include "checkpoint/checkpoint.h"
#include "checkpoint/safetensors/safetensors_writer.h"
#include "checkpoint/tensor_plan.h"

namespace ferrum::test {

struct RandomAdapter {
  int rank = 4;
  uint32_t seed = 1;
  float spread = 0.3f;  // of the numbers
  // Whether a weight is changed, by its name.
  std::function<bool(const std::string&)> changes = [](const std::string&) { return true; };
};

// On the matrices that the folder `base` has, one expert like another, without embedding and head.
inline void write_adapter(const std::filesystem::path& folder, const Checkpoint& base,
                          const RandomAdapter& what) {
  std::mt19937 random(what.seed);
  std::normal_distribution<float> normal(0, what.spread);
  std::vector<SafetensorsDeclaration> declared;
  std::vector<std::vector<float>> contents;
  const auto add = [&](const std::string& name, int64_t rows, int64_t cols) {
    declared.push_back({name, "F32", {rows, cols}});
    std::vector<float>& values = contents.emplace_back(static_cast<size_t>(rows * cols));
    for (float& value : values) value = normal(random);
  };
  const NameTable names = base.model().architecture->tensor_names();
  for (const PlannedTensor& planned : tensors_of(base.model())) {
    if (planned.use != TensorUse::kProduct && planned.use != TensorUse::kExpert) continue;
    if (planned.key.role == TensorRole::kHead) continue;
    const auto experts = planned.use == TensorUse::kExpert ? static_cast<int>(planned.shape[0]) : 0;
    for (int e = 0; e < std::max(experts, 1); ++e) {
      TensorKey key = planned.key;
      if (experts > 0) key.expert = e;
      std::string name = names.find_name(Naming::kHuggingFace, key);
      if (!name.ends_with(".weight") || !what.changes(name)) continue;
      name.resize(name.size() - std::string(".weight").size());
      const size_t at = planned.shape.size() - 2;
      add("base_model.model." + name + ".lora_A.weight", what.rank, planned.shape[at + 1]);
      add("base_model.model." + name + ".lora_B.weight", planned.shape[at], what.rank);
    }
  }
  std::filesystem::create_directories(folder);
  SafetensorsWriter writer(folder / "adapter_model.safetensors", declared);
  for (const std::vector<float>& values : contents) writer.append(std::as_bytes(std::span(values)));
  writer.finish();
  std::ofstream(folder / "adapter_config.json")
      << R"({"peft_type": "LORA", "r": )" << what.rank << R"(, "lora_alpha": )" << what.rank << "}";
}

}  // namespace ferrum::test
