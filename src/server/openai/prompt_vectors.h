// Prompts that come as embedding vectors, for a model that serves as the backbone of another.
#pragma once
#include <vector>

#include "ferrum/engine.h"
#include "server/api/fields.h"

namespace ferrum::server::openai {

// The field prompt_embeds, which takes the place of prompt: base64 of the numbers of one prompt as float32,
// little-endian, row after row as wide as the model's hidden states; or these numbers, [[…], …]; or an array
// of such strings, for several prompts. Empty: the field is absent. 400 for anything else.
std::vector<Prompt> read_prompt_vectors(Fields& body, const Engine& engine);

}  // namespace ferrum::server::openai
