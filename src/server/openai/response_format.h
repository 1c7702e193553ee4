// The responses of /v1/responses: whole, as events, or stored for clients to fetch later.
#pragma once
#include <memory>
#include <string>
#include <vector>

#include "server/api/answering.h"
#include "server/api/ids.h"
#include "server/api/json.h"
#include "server/api/offered_tools.h"
#include "server/openai/response_store.h"

namespace ferrum::server::openai {

struct ResponseHead {
  std::string id = new_id("resp_");
  int64_t created = now();
  Json request;  // the request's fields that the response repeats
  bool logprobs = false;
  OfferedTools tools{};
  std::string rule_field{};  // that asks for a rule; empty: none
  bool encrypts = false;     // thoughts come with `encrypted_content`

  // Stores the response at its end; null: not stored.
  std::shared_ptr<ResponseStore> store;
  std::shared_ptr<EventLog> events;  // of a background response that is streamed; or null
  Json input_items = Json::array();
  std::vector<StoredItem> items;      // the input as stored items
  std::vector<ChatMessage> messages;  // the conversation so far, without instructions
};

std::unique_ptr<Format> response_format(ResponseHead head, Delivery delivery);

// A response that is in the store from now on, with a status that says how far it is. `format` writes its
// events, if the head has a log for them, and nothing otherwise.
struct Background {
  std::string id;
  std::string queued;  // the initial response as JSON
  std::unique_ptr<Format> format;
  std::shared_ptr<EventLog> events;  // of the head, with the first events
};
Background background_response(ResponseHead head);

}  // namespace ferrum::server::openai
