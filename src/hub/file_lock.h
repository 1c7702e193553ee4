// One process at a time, by flock(2) on a file of its own, as other tools of the hub do.
#pragma once
#include <filesystem>
#include <functional>
#include <string>
#include <utility>

#include "base/file_descriptor.h"

namespace ferrum::hub {

class FileLock {
 public:
  // Blocks until the lock is free; calls `on_wait` once if it must wait. `what` is named in messages. Error
  // kIo: the file cannot be made.
  static FileLock wait(const std::filesystem::path& file, const std::string& what,
                       const std::function<void()>& on_wait);
  // Error kIo where another process has it.
  static FileLock now_or_never(const std::filesystem::path& file, const std::string& what);

 private:
  explicit FileLock(FileDescriptor file) : file_(std::move(file)) {}
  FileDescriptor file_;  // closing it releases the lock
};

// Makes the folders that are missing. Error kIo; of a folder that cannot be written to it says what to do
// (fault B66).
void make_folders(const std::filesystem::path& folder);
// The same error for anything else that the system refused to write there.
[[noreturn]] void fail_to_write(const std::filesystem::path& path, int reason);

}  // namespace ferrum::hub
