// The input of /v1/responses: the stored conversation, and the new items.
#pragma once
#include <vector>

#include "ferrum/engine.h"
#include "server/api/fields.h"
#include "server/openai/response_store.h"

namespace ferrum::server::openai {

struct ResponseInput {
  std::vector<ChatMessage> messages;  // the conversation without instructions
  Json items;                         // of this request only, each with an id
  std::vector<StoredItem> stored;     // the same items, for the store
  Json instructions;                  // a string or null
  Json previous;                      // the id of the response that this one continues, or null

  ChatPrompt prompt() const;  // instructions first
};

// Items of earlier outputs are accepted as they were sent. A reference to an item is resolved from the store.
// 404 for a previous_response_id or a reference that the store does not have.
ResponseInput read_input(Fields& body, ResponseStore& store);

// Drops the oldest turns until the rest leaves room for an answer of `answer_tokens`; instructions, system
// messages and the last message are kept. If the rest still does not fit, the engine refuses it.
void truncate(const Engine& engine, ChatPrompt& prompt, int answer_tokens);

}  // namespace ferrum::server::openai
