#include "server/openai/response_store.h"

#include <algorithm>

namespace ferrum::server::openai {

namespace {

size_t bytes_of(const ChatMessage& message) {
  return message.role.size() + message.content.size() + message.name.size() + message.tool_calls.size() +
         message.tool_call_id.size() + message.reasoning.size();
}

}  // namespace

size_t StoredResponse::bytes() const {
  constexpr size_t kItself = 1024;  // approximate overhead of a stored response
  constexpr size_t kItem = 256;     // approximate overhead of an item in the index
  size_t sum = kItself + id.size() + body.size() + input_items.size() + event_bytes;
  for (const ChatMessage& message : messages) sum += sizeof(ChatMessage) + bytes_of(message);
  for (const StoredItem& item : items) {
    sum += kItem + 2 * item.id.size();
    for (const ChatMessage& message : item.messages) sum += sizeof(ChatMessage) + bytes_of(message);
  }
  return sum;
}

void ResponseStore::put(StoredResponse response) {
  const size_t bytes = response.bytes();
  const std::lock_guard lock(mutex_);
  if (const auto same = by_id_.find(response.id); same != by_id_.end()) drop(same->second);
  if (bytes > max_bytes_) return;
  while (bytes_ + bytes > max_bytes_) drop(std::prev(order_.end()));
  order_.push_front(std::make_shared<const StoredResponse>(std::move(response)));
  by_id_[order_.front()->id] = order_.begin();
  for (const StoredItem& item : order_.front()->items) by_item_[item.id] = order_.begin();
  bytes_ += bytes;
}

std::shared_ptr<const StoredResponse> ResponseStore::find(const std::string& id) {
  const std::lock_guard lock(mutex_);
  const auto found = by_id_.find(id);
  if (found == by_id_.end()) return nullptr;
  order_.splice(order_.begin(), order_, found->second);
  return *found->second;
}

std::optional<StoredItem> ResponseStore::find_item(const std::string& id) {
  const std::lock_guard lock(mutex_);
  const auto found = by_item_.find(id);
  if (found == by_item_.end()) return std::nullopt;
  order_.splice(order_.begin(), order_, found->second);
  const std::vector<StoredItem>& items = (*found->second)->items;
  return *std::ranges::find(items, id, &StoredItem::id);
}

bool ResponseStore::erase(const std::string& id) {
  const std::lock_guard lock(mutex_);
  const auto found = by_id_.find(id);
  if (found == by_id_.end()) return false;
  drop(found->second);
  return true;
}

size_t ResponseStore::bytes() const {
  const std::lock_guard lock(mutex_);
  return bytes_;
}

void ResponseStore::drop(Order::iterator at) {
  bytes_ -= (*at)->bytes();
  by_id_.erase((*at)->id);
  for (const StoredItem& item : (*at)->items)
    if (const auto found = by_item_.find(item.id); found != by_item_.end() && found->second == at)
      by_item_.erase(found);
  order_.erase(at);
}

}  // namespace ferrum::server::openai
