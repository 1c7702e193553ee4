// Finds the models in a repository's file list, and selects one by name.
#pragma once
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "hub/model_name.h"

namespace ferrum::hub {

struct RepoFile {
  std::string name;  // "sub/model.gguf"
  uint64_t bytes = 0;
  std::string hash;  // of the contents: SHA-256, or git's SHA-1 of a blob; empty: not known
};

// One model: a GGUF file or its parts, or a safetensors set with what belongs to it.
struct Offer {
  enum class Kind { kGguf, kSafetensors };
  Kind kind = Kind::kGguf;
  std::string type;             // "Q4_K_M"; of kSafetensors, and where the name tells none, empty
  std::vector<RepoFile> files;  // of kGguf in order of the parts
  uint64_t bytes = 0;
};

// Whole models only: sets of which a part is missing are left out, and so are projectors of images and
// importance matrices. GGUFs first, by name. Of safetensors there is at most one set, in the top folder.
std::vector<Offer> offers_of(std::span<const RepoFile> files);

// The one that `name` means: its file, its type, or else the first of what most people want (Q4_K_M, Q4_0,
// Q8_0, …), the only one, or the safetensors set. Null: there is none such, or several and none is usual.
const Offer* pick(std::span<const Offer> offers, const ModelName& name);

// What follows the repository in a name that picks this one: ":Q4_K_M", ":sub/file.gguf", ":safetensors", "".
std::string suffix_of(std::span<const Offer> offers, const Offer& offer);
// "Q4_0 (368 MiB), Q8_0 (610 MiB)"; "nothing that can be run" where there are none.
std::string offers_text(std::span<const Offer> offers);

}  // namespace ferrum::hub
