// The items of a response's output: thoughts, a message, calls.
#pragma once
#include <string>
#include <vector>

#include "server/api/answered_calls.h"
#include "server/api/json.h"
#include "server/openai/response_store.h"

namespace ferrum::server::openai {

struct OutputItem {
  enum class Kind { kReasoning, kMessage, kCall };

  Kind kind = Kind::kMessage;
  std::string id;
  std::string text{};  // of a call: its arguments, or the text that it takes
  Json logprobs = Json::array();
  AnsweredCall call{};     // without its text
  bool encrypted = false;  // thoughts that the client keeps, for a server that does not

  static OutputItem reasoning(bool encrypted);
  static OutputItem message();
  static OutputItem of(const AnsweredCall& call);

  bool is_call() const { return kind == Kind::kCall; }
  bool takes_text() const { return is_call() && call.takes_text(); }
  // Of a message or of thoughts, as it is so far.
  Json part() const;
  Json json(const char* status) const;
  // What a conversation that goes on has of it.
  ChatMessage chat_message() const;
};

// The thoughts in `encrypted_content` of an item that this server sent; nothing in those of others.
std::string thoughts_of_encrypted(const std::string& encrypted);

}  // namespace ferrum::server::openai
