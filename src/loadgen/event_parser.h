// Incremental parser for server-sent events: https://html.spec.whatwg.org/multipage/server-sent-events.html
#pragma once
#include <cstddef>
#include <functional>
#include <string>
#include <string_view>

namespace ferrum::loadgen {

// Input may be split at any byte. An event that is incomplete at the end of the stream is dropped, as the
// specification requires.
class EventParser {
 public:
  static constexpr size_t kMaxEventBytes = size_t{4} << 20;

  // Receives the data of each event: its lines joined with "\n". Other fields are ignored.
  using OnData = std::function<void(std::string_view data)>;

  // Throws Error kBadFile if an event has more than kMaxEventBytes.
  void feed(std::string_view bytes, const OnData& on_data);

 private:
  void end_line(const OnData& on_data);

  std::string line_;  // the part of the line received so far
  std::string data_;
  bool has_data_ = false;
  bool after_return_ = false;  // a line feed that comes next belongs to the previous line's end
  bool at_start_ = true;       // a byte order mark may come next
};

}  // namespace ferrum::loadgen
