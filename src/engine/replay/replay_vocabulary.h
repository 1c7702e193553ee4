// A vocabulary for recorded answers: what models' vocabularies have in common, made from a chat template and
// the answers.
#pragma once
#include <span>
#include <string>
#include <string_view>

#include "text/tokenizer_spec.h"

namespace ferrum {

// Tokens for each byte; for the marks that template and answers spell, which are tokens of their own as in
// models' vocabularies (control tokens such as <|im_end|> and [TOOL_CALLS], user-defined ones such as <think>
// and <tool_call>); and for each piece of `piece_bytes` bytes that the answers' text between marks is cut
// into, wherever characters begin. Other text is spelled byte by byte.
TokenizerSpec replay_vocabulary(std::string_view chat_template, std::span<const std::string> answers,
                                int piece_bytes);

}  // namespace ferrum
