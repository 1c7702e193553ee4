// Mutual exclusion of processes by flock(2) on a lock file, as in other tools of the hub.
#pragma once
#include <filesystem>
#include <functional>
#include <string>
#include <utility>

#include "base/file_descriptor.h"

namespace ferrum::hub {

class FileLock {
 public:
  // Blocks until the lock is free; calls `on_wait` once if it has to wait. `what` is named in messages.
  // Throws kIo if the file cannot be created.
  static FileLock wait(const std::filesystem::path& file, const std::string& what,
                       const std::function<void()>& on_wait);
  // Throws kIo if another process holds the lock.
  static FileLock now_or_never(const std::filesystem::path& file, const std::string& what);

 private:
  explicit FileLock(FileDescriptor file) : file_(std::move(file)) {}
  FileDescriptor file_;  // closing it releases the lock
};

// Creates missing folders. Throws kIo; for a folder that is not writable the message says what to do (fault
// B66).
void make_folders(const std::filesystem::path& folder);
// Throws the same error for other failed writes.
[[noreturn]] void fail_to_write(const std::filesystem::path& path, int reason);

}  // namespace ferrum::hub
