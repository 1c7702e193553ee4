#include "base/file_descriptor.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <string_view>

#include "base/error.h"

namespace ferrum {
namespace {

std::string_view kind_of(mode_t mode) {
  if (S_ISDIR(mode)) return "a folder";
  if (S_ISFIFO(mode)) return "a FIFO (named pipe)";
  if (S_ISSOCK(mode)) return "a socket";
  return "a device";
}

void require_regular(const std::filesystem::path& path, const struct stat& file) {
  if (!S_ISREG(file.st_mode))
    fail(ErrorCode::kIo, "{} is not a regular file but {}", path.string(), kind_of(file.st_mode));
}

}  // namespace

FileDescriptor::~FileDescriptor() {
  if (number_ >= 0) ::close(number_);
}

FileDescriptor open_regular_file(const std::filesystem::path& path) {
  struct stat file {};
  // The path is checked before opening, since opening a device may have effects, and again afterwards, since
  // it may have been replaced in between.
  if (::stat(path.c_str(), &file) == 0) require_regular(path, file);
  FileDescriptor opened(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
  if (opened.get() < 0)
    fail(errno == ENOENT || errno == ENOTDIR ? ErrorCode::kNotFound : ErrorCode::kIo, "cannot open {}: {}",
         path.string(), std::strerror(errno));
  if (::fstat(opened.get(), &file) != 0)
    fail(ErrorCode::kIo, "cannot stat {}: {}", path.string(), std::strerror(errno));
  require_regular(path, file);
  return opened;
}

bool is_still_at(int descriptor, const std::filesystem::path& path) {
  struct stat opened {};
  struct stat named {};
  return ::fstat(descriptor, &opened) == 0 && ::stat(path.c_str(), &named) == 0 &&
         opened.st_ino == named.st_ino && opened.st_dev == named.st_dev;
}

}  // namespace ferrum
