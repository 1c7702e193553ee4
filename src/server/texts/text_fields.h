// Fields that routes for texts have in common.
#pragma once
#include <string>
#include <vector>

#include "ferrum/engine.h"
#include "server/api/fields.h"

namespace ferrum::server::texts {

// A string, token ids, or an array of such: at least one, at most kMostResults.
std::vector<TextRequest::Text> read_inputs(Fields& body, const std::string& name);
// Strings, or objects with the field "text", one by itself or an array of them; the same number.
std::vector<std::string> read_texts(Fields& body, const std::string& name);

// truncate_prompt_tokens (vLLM), truncate (Hugging Face), truncation (Jina, Voyage): long texts are refused
// unless one of these asks for less.
void read_truncation(Fields& body, const TextUse& use, TextRequest& request);
// Fields of other servers that change nothing here, and the rest, which is refused.
void finish_fields(Fields& body);

}  // namespace ferrum::server::texts
