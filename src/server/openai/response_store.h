// Answers of /v1/responses that later requests may go on from, within a bound of memory.
#pragma once
#include <list>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "ferrum/types.h"

namespace ferrum::server::openai {

struct StoredResponse {
  std::string id;
  std::string body;                   // as it was answered
  std::string input_items;            // a JSON array
  std::vector<ChatMessage> messages;  // the conversation, this answer included, without instructions

  size_t bytes() const;
};

// Thread-safe.
class ResponseStore {
 public:
  // Of all that is kept; the one that was not asked for longest goes first.
  explicit ResponseStore(size_t max_bytes) : max_bytes_(max_bytes) {}

  void put(StoredResponse response);  // one that is larger than everything is not kept
  std::shared_ptr<const StoredResponse> find(const std::string& id);  // null: never here, or not any more
  bool erase(const std::string& id);                                  // whether it was there
  size_t bytes() const;

 private:
  using Order = std::list<std::shared_ptr<const StoredResponse>>;
  void drop(Order::iterator at);

  const size_t max_bytes_;
  mutable std::mutex mutex_;
  Order order_;  // the one that was asked for last first
  std::map<std::string, Order::iterator> by_id_;
  size_t bytes_ = 0;
};

}  // namespace ferrum::server::openai
