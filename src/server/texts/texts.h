// Routes whose models read texts as a whole. The shapes are those of OpenAI (embeddings), Jina and Cohere
// (rerank), vLLM (score, classify, pooling) and llama-server (/embedding); docs/texts.md names the fields.
#pragma once
#include "server/api/api_request.h"
#include "server/api/fields.h"

namespace ferrum::server::texts {

// `engine` runs the model that `model_of` names. All throw ApiError.
ApiRequest embeddings(Fields& body, const Engine& engine);
ApiRequest plain_embeddings(Fields& body, const Engine& engine);  // llama-server's
ApiRequest rerank(Fields& body, const Engine& engine);
ApiRequest score(Fields& body, const Engine& engine);
ApiRequest classify(Fields& body, const Engine& engine);
// The hidden states of all tokens; of a model that generates text as well.
ApiRequest states(Fields& body, const Engine& engine);

}  // namespace ferrum::server::texts
