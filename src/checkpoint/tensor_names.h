// The names of tensors in Hugging Face and GGUF files.
#pragma once
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "checkpoint/tensor_role.h"

namespace ferrum {

enum class Naming { kHuggingFace, kGguf };

// How many experts' values a tensor holds.
enum class ExpertCount : uint8_t { kNone, kOne, kAll };

// How files call the tensors of one role. "#" stands for a number: first of the layer, then of the expert.
// An empty name: files of that kind have no such tensor. To a name
// belong ".weight" and ".bias"; to one that ends in "*" (Hugging Face's experts in one parameter) nothing and
// "_bias"; one that ends in "!" is whole. Names of Hugging Face are without the prefixes that wrappings add
// ("model.", "model.language_model.", …).
struct TensorNames {
  TensorRole role;
  ExpertCount experts;
  std::string_view hugging_face;
  std::string_view gguf;
};

// The usual names, and those of one architecture that differ from them. Where a role has several names,
// files are read with any of them and written with the first.
class NameTable {
 public:
  // `own` must outlive the table. A role in it has no other names in that kind of file.
  explicit NameTable(std::span<const TensorNames> own = {}) : own_(own) {}

  // The role of the tensor `name`; nothing if the architecture has no such tensor.
  std::optional<TensorKey> parse(Naming naming, std::string_view name) const;
  // Empty: files of that kind have no such tensor.
  std::string find_name(Naming naming, const TensorKey& key) const;
  // Checked: they have.
  std::string name(Naming naming, const TensorKey& key) const;

 private:
  std::span<const TensorNames> own_;
};

// Whether a Hugging Face or GGUF tensor belongs to the vision or audio part of a multimodal checkpoint.
bool is_of_another_modality(std::string_view name);

}  // namespace ferrum
