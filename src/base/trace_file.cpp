#include "base/trace_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cmath>
#include <cstring>
#include <iterator>
#include <utility>

#include "base/error.h"
#include "base/log.h"
#include "base/output_file.h"

namespace ferrum {
namespace {

constexpr std::string_view kHead = "{\"displayTimeUnit\":\"ms\",\"traceEvents\":[\n";
constexpr std::string_view kTail = "\n]}\n";
constexpr size_t kBufferBytes = size_t{64} << 10;
constexpr size_t kLongestEvent = size_t{4} << 10;  // longer events make the buffer grow

int opened(const std::filesystem::path& path) {
  const auto fail_with = [&](const char* what) {
    fail(ErrorCode::kIo, "{}: {}", in_quotes(path.string()), what);
  };
  const int descriptor = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NONBLOCK, 0666);
  if (descriptor < 0)
    fail(ErrorCode::kIo, "{}: cannot be written: {}", in_quotes(path.string()), std::strerror(errno));
  try {
    struct stat file {};
    if (::fstat(descriptor, &file) != 0 || !S_ISREG(file.st_mode)) fail_with("is not a regular file");
    if (::flock(descriptor, LOCK_EX | LOCK_NB) != 0) fail_with("another process is writing this file");
    std::array<char, kHead.size()> head{};
    const ssize_t n = ::pread(descriptor, head.data(), head.size(), 0);
    // The check protects a model if a flag's value was forgotten: `--trace model.gguf`.
    if (n != 0 && std::string_view(head.data(), head.size()) != kHead)
      fail_with("exists and is not a trace; not overwritten");
    if (::ftruncate(descriptor, 0) != 0) fail_with("cannot be emptied");
  } catch (...) {
    ::close(descriptor);
    throw;
  }
  return descriptor;
}

}  // namespace

TraceFile::TraceFile(std::filesystem::path path) : path_(std::move(path)), descriptor_(opened(path_)) {
  buffer_.reserve(kBufferBytes);
  buffer_ = kHead;
  flush();
}

TraceFile::~TraceFile() {
  flush();
  if (descriptor_ >= 0) ::close(descriptor_);
}

void TraceFile::name_group(int group, std::string_view name) {
  begin_event('M', "process_name", {.group = group});
  end_event({{"name", name}});
}

void TraceFile::name_track(Track track, std::string_view name) {
  begin_event('M', "thread_name", track);
  end_event({{"name", name}});
}

void TraceFile::slice(Track track, std::string_view name, Clock::time_point begin, Clock::time_point end,
                      Arguments arguments) {
  begin_event('X', name, track);
  time("ts", begin - start_);
  time("dur", end - begin);
  end_event(arguments);
}

void TraceFile::values(int group, std::string_view name, Clock::time_point now, Arguments values) {
  begin_event('C', name, {.group = group});
  time("ts", now - start_);
  end_event(values);
}

void TraceFile::begin_event(char phase, std::string_view name, Track track) {
  if (buffer_.size() + kLongestEvent > kBufferBytes) flush();
  if (!std::exchange(empty_, false)) buffer_ += ",\n";
  fmt::format_to(std::back_inserter(buffer_), R"({{"ph":"{}","pid":{},"tid":{},"name":)", phase, track.group,
                 track.number);
  text(name);
}

void TraceFile::end_event(Arguments arguments) {
  const auto out = std::back_inserter(buffer_);
  std::string_view before = ",\"args\":{";
  for (const Argument& argument : arguments) {
    if (std::holds_alternative<std::monostate>(argument.value)) continue;
    buffer_ += std::exchange(before, ",");
    text(argument.name);
    buffer_ += ':';
    if (const auto* whole = std::get_if<int64_t>(&argument.value)) {
      fmt::format_to(out, "{}", *whole);
    } else if (const auto* number = std::get_if<double>(&argument.value)) {
      fmt::format_to(out, "{:.4g}", std::isfinite(*number) ? *number : 0.0);
    } else {
      text(std::get<std::string_view>(argument.value));
    }
  }
  buffer_ += before == "," ? "}}" : "}";
}

void TraceFile::text(std::string_view text) {
  buffer_ += '"';
  for (const char c : text) {
    if (static_cast<unsigned char>(c) < ' ') {
      fmt::format_to(std::back_inserter(buffer_), "\\u{:04x}", static_cast<int>(c));
      continue;
    }
    if (c == '"' || c == '\\') buffer_ += '\\';
    buffer_ += c;
  }
  buffer_ += '"';
}

// In microseconds with three decimals, so that rounding never makes a slice end after its parent.
void TraceFile::time(std::string_view key, Clock::duration time) {
  const auto ns = std::chrono::duration_cast<std::chrono::nanoseconds>(time).count();
  fmt::format_to(std::back_inserter(buffer_), ",\"{}\":{}.{:03}", key, ns / 1000, ns % 1000);
}

void TraceFile::flush() {
  if (buffer_.empty()) return;
  const size_t events = buffer_.size();
  buffer_ += kTail;  // the next events overwrite it
  const auto whole = OutputFile::delay_end();
  size_t done = 0;
  while (descriptor_ >= 0 && done < buffer_.size()) {
    const ssize_t n = ::pwrite(descriptor_, buffer_.data() + done, buffer_.size() - done,
                               static_cast<off_t>(written_ + done));
    if (n >= 0)
      done += static_cast<size_t>(n);
    else if (errno != EINTR)
      give_up(errno);
  }
  written_ += events;
  buffer_.clear();
}

void TraceFile::give_up(int reason) {
  log::warn("{}: the trace ends after {} bytes: {}", in_quotes(path_.string()), written_,
            std::strerror(reason));
  // This write left a partial event; the tail has been written before.
  if (::ftruncate(descriptor_, static_cast<off_t>(written_)) != 0 ||
      ::pwrite(descriptor_, kTail.data(), kTail.size(), static_cast<off_t>(written_)) < 0)
    log::warn("{}: the trace has no proper end", in_quotes(path_.string()));
  ::close(std::exchange(descriptor_, -1));
}

}  // namespace ferrum
