// Turns the timed bytes of a streamed response into a sample.
#pragma once
#include <string>
#include <string_view>

#include "loadgen/event_parser.h"
#include "loadgen/sample.h"

namespace ferrum::loadgen {

class AnswerReader {
 public:
  // `time` in seconds since the request was due.
  void take(std::string_view bytes, double time);
  // A connection failure; ignored if the response was already complete or failed.
  void fail(Failure failure, double time);
  // End of stream.
  Sample finish(double time);

 private:
  void take_event(std::string_view data, double time);

  EventParser events_;
  Sample sample_;
  bool finished_ = false;  // a finish reason was sent
  bool done_ = false;      // the end of the stream was marked
};

}  // namespace ferrum::loadgen
