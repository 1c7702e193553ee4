// How an answer of /v1/responses is told: whole, or as events.
#pragma once
#include <memory>
#include <string>
#include <vector>

#include "server/api/answering.h"
#include "server/api/ids.h"
#include "server/api/json.h"
#include "server/api/thoughts.h"
#include "server/openai/response_store.h"

namespace ferrum::server::openai {

struct ResponseHead {
  std::string id = new_id("resp_");
  int64_t created = now();
  Json request;  // what of the request the answer repeats
  bool logprobs = false;
  Thoughts::Start start = Thoughts::Start::kNone;

  // Where the answer is kept at its end; null: nowhere.
  std::shared_ptr<ResponseStore> store;
  Json input_items = Json::array();
  std::vector<ChatMessage> messages;  // the conversation so far, without instructions
};

std::unique_ptr<Format> response_format(ResponseHead head, Delivery delivery);

}  // namespace ferrum::server::openai
