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
  std::string hash;  // of the contents: SHA-256, or git's SHA-1 of a blob; empty: unknown
};

// One model: a GGUF file or its parts, or a safetensors set with the files that belong to it.
struct Offer {
  enum class Kind { kGguf, kSafetensors };
  Kind kind = Kind::kGguf;
  std::string type;             // "Q4_K_M"; empty for kSafetensors and where the name has no type
  std::vector<RepoFile> files;  // for kGguf in order of the parts
  uint64_t bytes = 0;
};

// Complete models only: without incomplete sets, projectors of images and importance matrices. GGUFs first,
// by name. Of safetensors there is at most one set, in the top folder.
std::vector<Offer> offers_of(std::span<const RepoFile> files);

// The offer that `name` selects: its file, its type, or else the most popular type (Q4_K_M, Q4_0, Q8_0, …),
// the only offer, or the safetensors set. Null: no such offer, or several without a preferred one.
const Offer* pick(std::span<const Offer> offers, const ModelName& name);

// The suffix that selects this offer in a name: ":Q4_K_M", ":sub/file.gguf", ":safetensors", "".
std::string suffix_of(std::span<const Offer> offers, const Offer& offer);
// "Q4_0 (368 MiB), Q8_0 (610 MiB)"; "nothing that can be run" if there are none.
std::string offers_text(std::span<const Offer> offers);

}  // namespace ferrum::hub
