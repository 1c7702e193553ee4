#include "server/openai/response_store.h"

namespace ferrum::server::openai {

size_t StoredResponse::bytes() const {
  constexpr size_t kItself = 1024;  // what keeping it takes beside its texts, about
  size_t sum = kItself + id.size() + body.size() + input_items.size();
  for (const ChatMessage& message : messages)
    sum += sizeof(ChatMessage) + message.role.size() + message.content.size();
  return sum;
}

void ResponseStore::put(StoredResponse response) {
  const size_t bytes = response.bytes();
  const std::lock_guard lock(mutex_);
  if (bytes > max_bytes_) return;
  while (bytes_ + bytes > max_bytes_) drop(std::prev(order_.end()));
  order_.push_front(std::make_shared<const StoredResponse>(std::move(response)));
  by_id_[order_.front()->id] = order_.begin();
  bytes_ += bytes;
}

std::shared_ptr<const StoredResponse> ResponseStore::find(const std::string& id) {
  const std::lock_guard lock(mutex_);
  const auto found = by_id_.find(id);
  if (found == by_id_.end()) return nullptr;
  order_.splice(order_.begin(), order_, found->second);
  return *found->second;
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
  order_.erase(at);
}

}  // namespace ferrum::server::openai
