// Responses that later requests may continue, within a memory limit.
#pragma once
#include <list>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "ferrum/types.h"
#include "server/openai/event_log.h"

namespace ferrum::server::openai {

// An item of an input or an output, with what it adds to prompts.
struct StoredItem {
  std::string id;
  std::vector<ChatMessage> messages;
};

struct StoredResponse {
  std::string id;
  std::string body;                    // the response as JSON
  std::string input_items;             // a JSON array
  std::vector<ChatMessage> messages;   // the conversation with this response's, without instructions
  std::vector<StoredItem> items{};     // that later inputs may refer to
  std::shared_ptr<EventLog> events{};  // of a background response that was created with stream: true; or null
  size_t event_bytes = 0;              // of the events when the response was put into the store

  size_t bytes() const;
};

// Thread-safe.
class ResponseStore {
 public:
  // The limit applies to all stored responses. The least recently used one is evicted first.
  explicit ResponseStore(size_t max_bytes) : max_bytes_(max_bytes) {}

  // Replaces a response with the same id. A response larger than the limit is not stored.
  void put(StoredResponse response);
  std::shared_ptr<const StoredResponse> find(const std::string& id);  // null if not found
  // Marks the item's response as used. If several responses have an item with this id, returns the latest.
  std::optional<StoredItem> find_item(const std::string& id);
  bool erase(const std::string& id);  // returns whether it was found
  size_t bytes() const;

 private:
  using Order = std::list<std::shared_ptr<const StoredResponse>>;
  void drop(Order::iterator at);

  const size_t max_bytes_;
  mutable std::mutex mutex_;
  Order order_;  // most recently used first
  std::map<std::string, Order::iterator> by_id_;
  std::map<std::string, Order::iterator> by_item_;
  size_t bytes_ = 0;
};

}  // namespace ferrum::server::openai
