// One step of a decoder on one token.
#pragma once
#include <memory>
#include <string>

#include "text/regex.h"
#include "text/token.h"
#include "text/tokenizer_spec.h"

namespace ferrum {

// What the step looks for, where that is a regular expression; else null. Errors name `source`.
std::unique_ptr<const Regex> regex_of(const DecodeStep& step, const std::string& source);

// The text, or bytes, that the step makes of a token's text at this place. `regex` is that of the step.
std::string decode_one(const DecodeStep& step, const Regex* regex, TokenPlace place, std::string text);

}  // namespace ferrum
