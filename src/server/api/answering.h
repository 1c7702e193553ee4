// From the engine's events to a client: as they come, or all at once.
#pragma once
#include <boost/asio/awaitable.hpp>
#include <memory>
#include <string>
#include <vector>

#include "ferrum/engine.h"
#include "server/api/api_error.h"
#include "server/http/responder.h"

namespace ferrum::server {

// Turns events into the text that one kind of client reads.
class Format {
 public:
  virtual ~Format() = default;

  // What comes before everything else, once it is certain that there will be an answer.
  virtual void begin(std::string& /*out*/) {}
  // `prompt`: which of several prompts the event belongs to. Never an ErrorEvent.
  virtual void take(size_t prompt, const Event& event, std::string& out) = 0;
  virtual void end(std::string& out) = 0;
  // Instead of the end, after begin().
  virtual void fail(const ApiError& error, std::string& out) = 0;
  // The field that is to blame where a prompt is too long.
  virtual const char* prompt_field() const = 0;
};

enum class Delivery { kStream, kWhole };  // server-sent events, or one JSON body

using Streams = std::vector<std::unique_ptr<EventStream>>;  // of each prompt

// Answers with all events of the streams. A client that goes away cancels them. Throws ApiError where nothing
// was answered yet; later errors are the format's, and other prompts end with them.
boost::asio::awaitable<void> answer(Streams streams, Format& format, Delivery delivery, Responder& out);

// One server-sent event: "event: name" if it has one, "data: …".
void append_event(std::string& out, std::string_view data, std::string_view name = {});

}  // namespace ferrum::server
