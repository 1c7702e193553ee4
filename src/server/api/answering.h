// Delivers an engine's events to a client: as a stream, or as one body.
#pragma once
#include <boost/asio/awaitable.hpp>
#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "ferrum/engine.h"
#include "server/api/api_error.h"
#include "server/http/responder.h"

namespace ferrum::server {

// Turns events into the text of one API's response.
class Format {
 public:
  virtual ~Format() = default;

  // Called once before the other functions, when the request has been admitted.
  virtual void begin(std::string& /*out*/) {}
  // `prompt`: the index of the event's prompt in the request. `event` is never an ErrorEvent.
  virtual void take(size_t prompt, const Event& event, std::string& out) = 0;
  virtual void end(std::string& out) = 0;
  // Called after begin() instead of end().
  virtual void fail(const ApiError& error, std::string& out) = 0;
  virtual RequestFields fields() const = 0;  // that errors name
};

enum class Delivery { kStream, kWhole };  // server-sent events, or one JSON body

using Streams = std::vector<std::unique_ptr<EventStream>>;  // one for each prompt
using AnswerClock = std::function<std::chrono::steady_clock::time_point()>;

// Responds with all events of the streams, and cancels the streams if the client is gone. Throws ApiError if
// the engine refuses the request. A stream's headers are sent at once, and a comment is sent after 10 s (by
// `clock`) without events, so that neither clients nor proxies take a long prompt for a dead server. An error
// after the headers is written by the format and ends all prompts. A whole response has no headers before its
// end, so a later error is an ApiError as well.
boost::asio::awaitable<void> answer(Streams streams, Format& format, Delivery delivery,
                                    const AnswerClock& clock, Responder& out);

// One server-sent event: "event: name" if it has one, "data: …".
void append_event(std::string& out, std::string_view data, std::string_view name = {});

}  // namespace ferrum::server
