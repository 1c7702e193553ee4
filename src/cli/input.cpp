#include "cli/input.h"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <iostream>
#include <iterator>

#include "base/error.h"
#include "base/file_descriptor.h"
#include "base/mapped_file.h"

namespace ferrum::cli {
namespace {

// Reads a pipe, such as a shell's <(command). The first read does not block, and reports the end of the file
// if no process has the pipe open for writing.
std::string read_fifo(const std::filesystem::path& path) {
  const FileDescriptor pipe(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (pipe.get() < 0) fail(ErrorCode::kIo, "cannot open {}: {}", path.string(), std::strerror(errno));
  std::string text;
  std::array<char, size_t{64} << 10> buffer;
  for (bool is_first = true;; is_first = false) {
    const ssize_t n = ::read(pipe.get(), buffer.data(), buffer.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0 && !(is_first && errno == EAGAIN))
      fail(ErrorCode::kIo, "cannot read {}: {}", path.string(), std::strerror(errno));
    if (n == 0 && is_first) fail(ErrorCode::kIo, "{}: no process writes to this pipe", path.string());
    if (n == 0) return text;
    if (n > 0) text.append(buffer.data(), static_cast<size_t>(n));
    if (is_first) ::fcntl(pipe.get(), F_SETFL, O_RDONLY);
  }
}

}  // namespace

std::string read_all(const std::filesystem::path& path) {
  if (path == "-") return {std::istreambuf_iterator<char>(std::cin), {}};
  std::error_code ignored;  // opening it says what is wrong
  if (std::filesystem::is_fifo(path, ignored)) return read_fifo(path);
  return std::string(MappedFile::open(path)->text());
}

}  // namespace ferrum::cli
