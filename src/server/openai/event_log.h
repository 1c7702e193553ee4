// The events of a streamed response that goes on without its client, for clients that come back.
#pragma once
#include <cstddef>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "server/api/answering.h"

namespace ferrum::server::openai {

// Thread-safe. An event's index is its sequence number.
class EventLog : public std::enable_shared_from_this<EventLog> {
 public:
  // Server-sent events, each with the empty line that ends it.
  void append(std::string_view events);
  void close();  // no event follows
  size_t bytes() const;

  // The events from the index `first` on, as TextEvents, now and as they come; the stream is over when the
  // log is closed. Cancelling the stream does nothing to the response.
  std::unique_ptr<EventStream> follow(size_t first);

 private:
  class Reader;
  void wake_readers();  // with the mutex held

  mutable std::mutex mutex_;
  std::vector<std::string> events_;
  size_t bytes_ = 0;
  bool closed_ = false;
  std::map<const Reader*, std::function<void()>> readers_;  // who wait for events
};

// Sends the events of a log as they are.
std::unique_ptr<Format> log_format();

}  // namespace ferrum::server::openai
