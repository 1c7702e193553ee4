#include "base/output_file.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <mutex>
#include <set>
#include <utility>

#include "base/check.h"
#include "base/error.h"
#include "base/file_descriptor.h"

namespace ferrum {
namespace {

namespace fs = std::filesystem;

fs::path folder_of(const fs::path& file) {
  return file.has_parent_path() ? file.parent_path() : fs::path(".");
}

// Held while a partial file is created, renamed or removed, so that the list is complete.
std::mutex names_mutex;
std::mutex end_mutex;
std::set<fs::path> partial_files;
std::set<fs::path> partial_folders;

// Compares with `available`, not `free`: the file system's reserve is not for us.
void check_room(const fs::path& target, uint64_t needed) {
  std::error_code error;
  const fs::space_info space = fs::space(folder_of(target), error);
  if (!error && space.available < needed)
    fail(ErrorCode::kIo, "{}: needs {} bytes, but its disk has {} left", in_quotes(target.string()), needed,
         space.available);
}

}  // namespace

OutputFile::OutputFile(fs::path target, uint64_t expected_bytes)
    : target_(std::move(target)), partial_(target_.string() + ".partial") {
  std::error_code error;
  if (fs::is_directory(target_, error)) fail(ErrorCode::kIo, "{} is a folder", in_quotes(target_.string()));
  // Renaming onto a device or a pipe would replace it.
  if (fs::exists(target_, error) && !fs::is_regular_file(target_, error))
    fail(ErrorCode::kIo, "{} is not a regular file", in_quotes(target_.string()));
  open_partial();
  try {
    // Removes what a killed process left.
    if (::ftruncate(descriptor_, 0) != 0) fail_with(errno, "cannot empty it");
    check_room(target_, expected_bytes);
  } catch (...) {
    abandon();
    throw;
  }
}

OutputFile::~OutputFile() {
  if (descriptor_ >= 0) abandon();
}

void OutputFile::open_partial() {
  const std::lock_guard lock(names_mutex);
  // A FIFO of this name would make us wait for a reader.
  descriptor_ = ::open(partial_.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0666);
  if (descriptor_ < 0) {
    const int reason = errno;
    std::error_code error;
    if (fs::exists(fs::symlink_status(partial_, error)))
      fail_with(reason, fmt::format("cannot open {} beside it", in_quotes(partial_.filename().string())));
    fail_with(reason, "cannot create it");
  }
  struct stat file {};
  if (::fstat(descriptor_, &file) != 0 || !S_ISREG(file.st_mode)) {
    ::close(std::exchange(descriptor_, -1));
    fail(ErrorCode::kIo, "{}: {} beside it is not a regular file", in_quotes(target_.string()),
         in_quotes(partial_.filename().string()));
  }
  // The previous holder of the lock may have renamed or removed the file between our opening and locking it.
  if (::flock(descriptor_, LOCK_EX | LOCK_NB) != 0 || !is_still_at(descriptor_, partial_)) {
    ::close(descriptor_);
    fail(ErrorCode::kIo, "{}: another process is writing this file", in_quotes(target_.string()));
  }
  partial_files.insert(partial_);
}

void OutputFile::abandon() {
  {
    const std::lock_guard lock(names_mutex);
    ::unlink(partial_.c_str());
    partial_files.erase(partial_);
  }
  ::close(std::exchange(descriptor_, -1));
}

void OutputFile::fail_with(int reason, const std::string& what) const {
  fail(ErrorCode::kIo, "{}: {}: {}", in_quotes(target_.string()), what, std::strerror(reason));
}

void OutputFile::write(std::span<const std::byte> bytes) {
  check(descriptor_ >= 0, "an output file is written before it is committed");
  while (!bytes.empty()) {
    const size_t piece = std::min(bytes.size(), size_t{1} << 30);
    const ssize_t n = ::write(descriptor_, bytes.data(), piece);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) fail_with(errno, fmt::format("writing stopped after {} bytes", written_));
    written_ += static_cast<uint64_t>(n);
    bytes = bytes.subspan(static_cast<size_t>(n));
  }
}

void OutputFile::commit() {
  check(descriptor_ >= 0, "an output file is committed once");
  if (::fsync(descriptor_) != 0) fail_with(errno, "cannot flush it to the disk");
  {
    const std::lock_guard lock(names_mutex);
    if (::rename(partial_.c_str(), target_.c_str()) != 0) fail_with(errno, "cannot be replaced");
    partial_files.erase(partial_);
  }
  ::close(std::exchange(descriptor_, -1));
  // The rename itself is durable once the folder is flushed; where folders cannot be flushed, the system
  // writes it eventually.
  const int folder = ::open(folder_of(target_).c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (folder < 0) return;
  ::fsync(folder);
  ::close(folder);
}

std::unique_lock<std::mutex> OutputFile::delay_end() { return std::unique_lock(end_mutex); }

void OutputFile::end_process(int exit_code) {
  const std::lock_guard no_write(end_mutex);
  const std::lock_guard lock(names_mutex);  // held until the process ends, so that no new file appears
  for (const fs::path& partial : partial_files) ::unlink(partial.c_str());
  std::error_code error;
  for (const fs::path& partial : partial_folders) fs::remove_all(partial, error);
  ::_exit(exit_code);
}

OutputFolder::OutputFolder(fs::path target) : target_(std::move(target)) {
  if (!target_.has_filename()) target_ = target_.parent_path();  // "folder/"
  partial_ = target_.string() + ".partial";
  std::error_code error;
  if (fs::exists(fs::symlink_status(target_, error)))
    fail(ErrorCode::kIo, "{} is there already", in_quotes(target_.string()));
  const std::lock_guard lock(names_mutex);
  if (::mkdir(partial_.c_str(), 0777) != 0) {
    const int reason = errno;
    if (reason == EEXIST)
      fail(ErrorCode::kIo,
           "{}: {} is there already, which another process writes, or left when it was killed",
           in_quotes(target_.string()), in_quotes(partial_.string()));
    fail(ErrorCode::kIo, "{}: cannot create it: {}", in_quotes(target_.string()), std::strerror(reason));
  }
  partial_folders.insert(partial_);
}

OutputFolder::~OutputFolder() {
  if (committed_) return;
  const std::lock_guard lock(names_mutex);
  std::error_code error;
  fs::remove_all(partial_, error);
  partial_folders.erase(partial_);
}

void OutputFolder::commit() {
  const std::lock_guard lock(names_mutex);
  // Renaming a folder onto an empty one would replace that.
  std::error_code error;
  if (fs::exists(fs::symlink_status(target_, error)))
    fail(ErrorCode::kIo, "{} has come into being meanwhile", in_quotes(target_.string()));
  if (::rename(partial_.c_str(), target_.c_str()) != 0)
    fail(ErrorCode::kIo, "{}: cannot be renamed to it: {}", in_quotes(target_.string()),
         std::strerror(errno));
  partial_folders.erase(partial_);
  committed_ = true;
}

}  // namespace ferrum
