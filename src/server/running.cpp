#include "server/running.h"

namespace ferrum::server {

RunningRequests::Ticket RunningRequests::enter(const std::string& path, const std::string& model,
                                               size_t prompts, Delivery delivery) {
  auto ticket = std::make_shared<Entry>();
  ticket->path = path;
  ticket->model = model;
  ticket->prompts = prompts;
  ticket->delivery = delivery;
  const std::lock_guard lock(mutex_);
  entries_.remove_if([](const std::weak_ptr<Entry>& entry) { return entry.expired(); });
  entries_.push_back(ticket);
  return ticket;
}

Json RunningRequests::json() const {
  Json all = Json::array();
  const auto now = std::chrono::steady_clock::now();
  const std::lock_guard lock(mutex_);
  for (const std::weak_ptr<Entry>& entry : entries_)
    if (const Ticket ticket = entry.lock())
      all.push_back({{"path", ticket->path},
                     {"model", ticket->model},
                     {"prompts", ticket->prompts},
                     {"stream", ticket->delivery == Delivery::kStream},
                     {"seconds", std::chrono::duration<double>(now - ticket->begin).count()},
                     {"texts", ticket->texts.load()}});
  return all;
}

}  // namespace ferrum::server
