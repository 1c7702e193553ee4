// The components of tokenizer.json around its model.
#pragma once
#include <vector>

#include "checkpoint/json_view.h"
#include "text/tokenizer_spec.h"

namespace ferrum {

// Errors kBadFile naming the field, kUnsupported naming a type that Ferrum does not have.
std::vector<NormalizeStep> read_normalizer(const JsonView& json);
std::vector<PretokenizeStep> read_pretokenizer(const JsonView& json);
std::vector<DecodeStep> read_decoder(const JsonView& json);

// Puts what a post-processor adds to a single text around `spec`'s prefix and suffix.
void read_post_processor(const JsonView& json, TokenizerSpec& spec);

}  // namespace ferrum
