// The pre-tokenizers that GGUF files name in tokenizer.ggml.pre, as data.
//
// Names and groups: https://github.com/ggml-org/llama.cpp (llama-vocab.cpp); patterns: the tokenizer.json
// files of those models.
#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace ferrum {

struct GgufPretokenizer {
  std::vector<std::string> patterns;  // splits, one after the other, each isolating what it matches
  bool ignore_merges = false;         // a piece that is a token stays whole
  bool add_bos = false;               // where the file has no tokenizer.ggml.add_bos_token
  bool nfc = false;
  // Spaces become "▁" and tokens are spelled as they are, with <0x0A> for bytes, and not in the byte
  // alphabet.
  bool sentencepiece_style = false;
};

// Nothing for an unknown name.
std::optional<GgufPretokenizer> find_gguf_pretokenizer(std::string_view name);

std::string known_gguf_pretokenizers();  // all names, for messages

}  // namespace ferrum
