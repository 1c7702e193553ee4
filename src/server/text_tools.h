// /tokenize, /detokenize, /tokenizer_info and /apply-template, in the formats of both vLLM and llama-server.
#pragma once
#include "ferrum/engine.h"
#include "server/api/fields.h"

namespace ferrum::server {

// content (llama-server, without BOS by default), or prompt or messages (vLLM) -> tokens, count,
// max_model_len; with_pieces, return_token_strs.
Json tokenize(Fields& body, const Engine& engine);
Json detokenize(Fields& body, const Engine& engine);      // tokens -> content, prompt
Json apply_template(Fields& body, const Engine& engine);  // messages, tools -> prompt
Json tokenizer_info(const Engine& engine);                // special tokens, chat_template, …

}  // namespace ferrum::server
