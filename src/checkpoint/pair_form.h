// How a language model that judges documents reads a query and a document: in the turns of a chat
// (TextHeadDescription::pair_form).
#pragma once
#include <string>

#include "checkpoint/model_description.h"

namespace ferrum {

// The form that Qwen3-Reranker's card gives, for folders whose files do not say it.
// https://huggingface.co/Qwen/Qwen3-Reranker-0.6B
void set_usual_form(TextHeadDescription& head);

// From a form with {query} and {document}, as llama.cpp's converter writes it. Its instruction, behind
// "<Instruct>: ", is what the head has where a request gives no other.
void set_form(TextHeadDescription& head, std::string form);

// The opposite: the head's form with its instruction in place. Without an instruction, the plain form.
std::string whole_form(const TextHeadDescription& head);

// From a chat template with the roles query and document, as sentence-transformers has it; the instruction is
// the system's turn, which some templates leave out whole where there is none (plain_form). Another template,
// or one that does not parse, changes nothing.
void set_form_of_template(TextHeadDescription& head, const std::string& chat_template);

}  // namespace ferrum
