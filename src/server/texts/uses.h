// What a model can do, and what a client reads that asks for something else.
#pragma once
#include "server/api/fields.h"

#include "ferrum/engine.h"

namespace ferrum::server {

// 400 with the routes that the model serves, unless it generates text.
void require_generation(Fields& body, const Engine& engine);
// 400, unless it makes this of texts.
const TextUse& require_texts(Fields& body, const Engine& engine, TextUse::Kind kind);

// For lists of models: "completion", "embedding", "rerank", "classification".
const char* capability_of(const ModelInfo& info);

}  // namespace ferrum::server
