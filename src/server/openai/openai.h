// OpenAI's API: requests from JSON, answers to JSON. The shapes are those of its published description
// (openapi.yaml); what goes beyond them is named in docs/serving.md.
#pragma once
#include <memory>
#include <string>

#include "server/api/answering.h"
#include "server/api/fields.h"

namespace ferrum::server::openai {

// What a request asks for beside its text.
struct Asked {
  std::string model;
  std::vector<Request> requests;  // one for each prompt, each with as many choices
  Delivery delivery = Delivery::kWhole;
  std::unique_ptr<Format> format;
};

// The name of a model that a request is for. 400 if it has none.
std::string model_of(Fields& body);

// messages and chat_template_kwargs.
ChatPrompt chat_prompt(Fields& body);

// /v1/chat/completions and /v1/completions. The engine is the one that `model_of` names. Errors: ApiError.
Asked chat_completion(Fields& body, const Engine& engine);
Asked completion(Fields& body, const Engine& engine);

}  // namespace ferrum::server::openai
