// How a prompt's text is read when the caller writes the whole prompt.
#pragma once
#include "ferrum/engine.h"
#include "server/api/fields.h"

namespace ferrum::server {

// "special": false, or llama-server's "parse_special": false, reads control tokens as plain text.
TextPrompt::ControlTokens read_control_tokens(Fields& body);

// add_special_tokens (vLLM) or add_special (llama-server): whether BOS and the like are added.
TextPrompt::Bos read_bos(Fields& body, TextPrompt::Bos otherwise);

// Whether an array has texts as well as numbers: one prompt in llama-server, whose parts follow each other.
bool is_mixed(const Json& prompt);
// The tokens of such an array, or of one of either: texts become tokens by themselves, of which only the
// array's first gets BOS, if `manner` adds it. Refuses `param` for other elements.
TokenPrompt mixed_prompt(const char* param, const Engine& engine, const Json& parts,
                         const TextPrompt& manner);

// The tokens of a prompt with a gap. Refuses `param` if the model cannot fill gaps.
TokenPrompt infill_prompt(Fields& body, const char* param, const Engine& engine, const InfillPrompt& prompt);

}  // namespace ferrum::server
