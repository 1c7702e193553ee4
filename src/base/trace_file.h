// A trace of timed events for ui.perfetto.dev or chrome://tracing: JSON in the Trace Event Format
// (https://docs.google.com/document/d/1CvAClvFfyA5R-PhYUmn5OOQtYMH4h6I0nSsKchNAySU), as an object.
#pragma once
#include <chrono>
#include <cstdint>
#include <filesystem>
#include <initializer_list>
#include <string>
#include <string_view>
#include <variant>

namespace ferrum {

// Used by one thread at a time. Written continuously through a buffer of fixed size. After every write the
// file is complete, so a killed process loses only the contents of its buffer.
class TraceFile {
 public:
  using Clock = std::chrono::steady_clock;

  // The track that a slice is drawn on. Slices of one track nest or follow one another. Tracks of a group are
  // shown together.
  struct Track {
    int group = 1;  // from 1
    int64_t number = 1;
  };
  // An argument without a value is omitted.
  struct Argument {
    std::string_view name;
    std::variant<std::monostate, int64_t, double, std::string_view> value;
  };
  using Arguments = std::initializer_list<Argument>;

  // Throws kIo naming the path if it cannot be created or is not a regular file, if it exists and is not a
  // trace (which protects other files), or if another process is writing it.
  explicit TraceFile(std::filesystem::path path);
  ~TraceFile();
  TraceFile(const TraceFile&) = delete;
  TraceFile& operator=(const TraceFile&) = delete;

  void name_group(int group, std::string_view name);
  void name_track(Track track, std::string_view name);
  // Requires that the TraceFile existed at `begin`.
  void slice(Track track, std::string_view name, Clock::time_point begin, Clock::time_point end,
             Arguments arguments = {});
  // Values from `now` on, drawn as a curve for each name.
  void values(int group, std::string_view name, Clock::time_point now, Arguments values);

  // If the system refuses to write, the trace ends there, with a warning.
  void flush();

 private:
  void begin_event(char phase, std::string_view name, Track track);
  void end_event(Arguments arguments);
  void text(std::string_view text);  // in quotes
  void time(std::string_view key, Clock::duration time);
  void give_up(int reason);

  std::filesystem::path path_;
  int descriptor_ = -1;  // -1 after a failed write
  Clock::time_point start_ = Clock::now();
  std::string buffer_;
  uint64_t written_ = 0;
  bool empty_ = true;  // no event yet
};

}  // namespace ferrum
