// The files of sentence-transformers in a folder: what becomes of a text's hidden states, and the prompts.
//
// Formats: https://sbert.net/docs/package_reference/sentence_transformer/models.html, as versions 2 to 6
// write them.
#pragma once
#include <filesystem>
#include <memory>
#include <vector>

#include "checkpoint/model_description.h"
#include "checkpoint/safetensors/safetensors.h"
#include "text/token.h"

namespace ferrum {

struct SentenceFiles {
  bool present = false;  // modules.json is there
  TextHeadDescription head;
  // Of the Dense modules, whose tensors are called "linear.weight" and "linear.bias"; in the order of
  // head.layers.
  std::vector<std::unique_ptr<SafetensorsFile>> layers;
  // Of a language model that judges: the tokens whose logits behind a text are its scores, that of "yes"
  // first. Empty: another model.
  std::vector<TokenId> judges;
};

// Where modules.json is absent, the head has only what other files say: the prompts and the longest text.
// Errors: kBadFile and kBadConfig naming file and field; kUnsupported for modules and functions that Ferrum
// does not run; kNotFound for a module's missing file.
// A model that classifies, as its class says, needs no Pooling: its own head makes the scores.
SentenceFiles read_sentence_files(const std::filesystem::path& folder, int hidden, bool classifies = false);

}  // namespace ferrum
