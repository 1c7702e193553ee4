#include "hub/file_lock.h"

#include <fcntl.h>
#include <sys/file.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "base/error.h"

namespace ferrum::hub {
namespace {

namespace fs = std::filesystem;

FileDescriptor open_lock(const fs::path& file) {
  make_folders(file.parent_path());
  FileDescriptor opened(::open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0666));
  if (opened.get() < 0) fail_to_write(file, errno);
  return opened;
}

}  // namespace

FileLock FileLock::wait(const fs::path& file, const std::string& what, const std::function<void()>& on_wait) {
  for (bool notified = false;;) {
    FileLock lock(open_lock(file));
    if (::flock(lock.file_.get(), LOCK_EX | LOCK_NB) != 0) {
      if (errno != EWOULDBLOCK)
        fail(ErrorCode::kIo, "{}: cannot be locked for {}: {}", in_quotes(file.string()), what,
             std::strerror(errno));
      if (!std::exchange(notified, true) && on_wait) on_wait();
      while (::flock(lock.file_.get(), LOCK_EX) != 0 && errno == EINTR) {
      }
    }
    // The previous owner may have removed the file.
    if (is_still_at(lock.file_.get(), file)) return lock;
  }
}

FileLock FileLock::now_or_never(const fs::path& file, const std::string& what) {
  FileLock lock(open_lock(file));
  if (::flock(lock.file_.get(), LOCK_EX | LOCK_NB) != 0 || !is_still_at(lock.file_.get(), file))
    fail(ErrorCode::kIo, "{}: another process is writing it", what);
  return lock;
}

void make_folders(const fs::path& folder) {
  std::error_code error;
  fs::create_directories(folder, error);
  if (error) fail_to_write(folder, error.value());
}

void fail_to_write(const fs::path& path, int reason) {
  const bool read_only = reason == EROFS || reason == EACCES || reason == EPERM;
  fail(ErrorCode::kIo, "{}: cannot be written: {}{}", in_quotes(path.string()), std::strerror(reason),
       read_only ? "; the models' folder is read-only: set HF_HOME to a writable one" : "");
}

}  // namespace ferrum::hub
