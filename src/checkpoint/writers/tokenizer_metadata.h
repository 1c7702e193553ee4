// Tokenizers as GGUF metadata (tokenizer.ggml.*), as llama.cpp writes them.
//
// Keys: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md
#pragma once
#include <filesystem>
#include <vector>

#include "checkpoint/gguf/gguf_writer.h"
#include "text/tokenizer_spec.h"

namespace ferrum {

// Byte-level BPE becomes "gpt2", SentencePiece's BPE "llama", its Unigram "t5", WordPiece "bert". `vocab` is
// the number of rows of the embedding: unused tokens are appended up to it. Errors: kUnsupported naming what
// GGUF cannot express (a splitting pattern without a name there, another kind of model); kBadConfig for more
// tokens than `vocab`.
void set_tokenizer_metadata(GgufHeader& header, const TokenizerSpec& spec, int vocab);

// Records that the file has no tokenizer.
void set_no_tokenizer(GgufHeader& header);

// From a Hugging Face folder, with its chat template; without a tokenizer there, only the tokens that end an
// answer. GGUF has keys for three of them: the ends of a text, a turn and a message. Errors as above, and
// kBadFile.
void set_hf_tokenizer(GgufHeader& header, const std::filesystem::path& folder, int vocab,
                      const std::vector<TokenId>& stop_tokens);

// From a GGUF file, whose own keys are copied; or a tokenizer.json, tokenizer.model and the like, or a folder
// with one, and what lies beside it. Errors: kNotFound, and those above.
void set_tokenizer_from(GgufHeader& header, const std::filesystem::path& source, int vocab);

}  // namespace ferrum
