// Items of tools that ran elsewhere, on another server or in the client, which clients send back with the
// rest. A model reads them as calls and their results, whether or not it is offered such a tool.
#pragma once
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "ferrum/types.h"
#include "server/api/fields.h"

namespace ferrum::server::openai {

class ToolItems {
 public:
  // The array in which they stand, where one may refer to another.
  explicit ToolItems(const Json& input);

  // The messages of an item; nullopt if its type is no such tool's. An item that says nothing to a model has
  // none and is named as ignored. What cannot be said to a model is a refusal.
  std::optional<std::vector<ChatMessage>> messages(Fields& item, const std::string& type) const;

 private:
  std::vector<ChatMessage> mcp_call(Fields& item) const;
  std::vector<ChatMessage> approval_response(Fields& item) const;

  std::set<std::string> asked_;     // ids of the calls that a client had to allow
  std::set<std::string> answered_;  // those of them that were made
};

}  // namespace ferrum::server::openai
