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
  std::string repo;                        // "org/name", of old models "name"
  std::string revision{kDefaultRevision};  // a branch, a tag or a commit
  std::string type;                        // "Q8_0", in capitals, or kSafetensors; empty: not said
  std::string file;                        // "sub/model.gguf"; empty: not said
  bool operator==(const ModelName&) const = default;
};

// Error kBadArgument naming the text and what is wrong about it.
ModelName parse_model_name(std::string_view text);
std::string to_string(const ModelName& name);

// Repositories are called so: letters, digits, - _ . in one or two parts, which begin and end with a letter
// or digit or _, without "--" and "..", of at most 96 bytes.
bool is_repo(std::string_view text);
// 40 or, for SHA-256, 64 hexadecimal digits in small letters.
bool is_commit(std::string_view text);

// Whether a file of this name stays in the folder that it is put into and says what it is (fault B65): a
// relative path of named parts, without control characters and backslashes, in UTF-8 and within bounds.
bool is_safe_file(std::string_view name);
// Error kBadFile naming the file where it is not.
void require_safe_file(std::string_view name, std::string_view repo);
// The same for names of branches and tags, which may have slashes.
bool is_revision(std::string_view text);

// The type of a GGUF file's weights by its name, as it stands there but in capitals: "Q4_K_M" of
// "model-q4_k_m.gguf", "UD-Q4_K_XL", "F16" of "model.fp16-00001-of-00002.gguf"; empty where none stands
// there.
std::string type_of_file(std::string_view file);
// Whether a user may have meant a type: "q4_k_m", "UD-IQ2_XXS", "bf16".
bool is_type(std::string_view text);

// Of a split GGUF: "a/model-00002-of-00003.gguf" is part 2 of 3 of "a/model". A whole file is 1 of 1.
struct SplitName {
  std::string stem;  // without "-00002-of-00003.gguf", or ".gguf"
  int part = 1;
  int parts = 1;
};
SplitName split_name_of(std::string_view file);
bool is_gguf(std::string_view file);

}  // namespace ferrum::hub
