// Parsing of model names, and validation of the names in a repository.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>

namespace ferrum::hub {

constexpr std::string_view kDefaultRevision = "main";
constexpr std::string_view kSafetensors = "safetensors";

// REPO[@REVISION][:TYPE or :FILE], e.g. "Qwen/Qwen3-0.6B-GGUF:Q8_0", "org/model@refs/pr/1:sub/model.gguf".
struct ModelName {
  std::string repo;                        // "org/name", or "name" for old models
  std::string revision{kDefaultRevision};  // a branch, a tag or a commit
  std::string type;                        // "Q8_0", in upper case, or kSafetensors; empty: not given
  std::string file;                        // "sub/model.gguf"; empty: not given
  bool operator==(const ModelName&) const = default;
};

// Throws kBadArgument naming the text and the fault.
ModelName parse_model_name(std::string_view text);
std::string to_string(const ModelName& name);

// Whether `text` has the form of a repository's name: letters, digits, - _ . in one or two parts, which begin
// and end with a letter or digit or _, without "--" and "..", of at most 96 bytes.
bool is_repo(std::string_view text);
// 40 or, for SHA-256, 64 hexadecimal digits in lower case.
bool is_commit(std::string_view text);

// Whether a file of this name stays in its target folder and its name is readable (fault B65): a relative
// path of named parts, without control characters and backslashes, in UTF-8 and within bounds.
bool is_safe_file(std::string_view name);
// Throws kBadFile naming the file otherwise.
void require_safe_file(std::string_view name, std::string_view repo);
// The same for names of branches and tags, which may contain slashes.
bool is_revision(std::string_view text);

// The type of a GGUF file's weights according to its name, in upper case: "Q4_K_M" of "model-q4_k_m.gguf",
// "UD-Q4_K_XL", "F16" of "model.fp16-00001-of-00002.gguf"; empty if the name has none.
std::string type_of_file(std::string_view file);
// Whether a user may have meant a type: "q4_k_m", "UD-IQ2_XXS", "bf16".
bool is_type(std::string_view text);

// A split GGUF's name: "a/model-00002-of-00003.gguf" is part 2 of 3 of "a/model". A whole file is 1 of 1.
struct SplitName {
  std::string stem;  // without "-00002-of-00003.gguf", or ".gguf"
  int part = 1;
  int parts = 1;
};
SplitName split_name_of(std::string_view file);
bool is_gguf(std::string_view file);

}  // namespace ferrum::hub
