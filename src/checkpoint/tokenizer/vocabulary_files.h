// The files of tokenizers that have no tokenizer.json: vocab.json with merges.txt, as GPT-2 had them first
// (https://github.com/openai/gpt-2), or BERT's vocab.txt (https://github.com/google-research/bert). They say
// nothing of how text is cut; the class that tokenizer_config.json names does, as in transformers.
#pragma once
#include <filesystem>
#include <optional>

#include "text/tokenizer_spec.h"

namespace ferrum {

// From the files in `folder`, with tokenizer_config.json (and the model_type of config.json where that names
// no class); nothing if there are neither vocab.json and merges.txt nor vocab.txt. Warns of a class that is
// not known. Errors kBadFile naming file and field.
std::optional<TokenizerSpec> read_vocabulary_files(const std::filesystem::path& folder);

}  // namespace ferrum
