#include "hub/partial_file.h"

#include <fcntl.h>
#include <fmt/core.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "base/check.h"
#include "base/error.h"
#include "hub/digest.h"
#include "hub/file_lock.h"
#include "hub/small_file.h"

namespace ferrum::hub {
namespace {

namespace fs = std::filesystem;

constexpr size_t kHeader = 128;
constexpr char kThere = '#';
constexpr char kWritten = '+';
constexpr char kTaken = ':';
constexpr char kMissing = '.';

size_t count_blocks(uint64_t size, uint64_t block) { return static_cast<size_t>((size + block - 1) / block); }

std::string header_of(const fs::path& target, uint64_t size, uint64_t block) {
  std::string header = fmt::format("ferrum-partial 1 {} {} {}\n", target.filename().string(), size, block);
  header.resize(kHeader, ' ');
  return header;
}

int open_or_fail(const fs::path& path, int flags) {
  const int descriptor = ::open(path.c_str(), O_RDWR | O_CLOEXEC | O_NOFOLLOW | flags, 0666);
  if (descriptor < 0) fail_to_write(path, errno);
  return descriptor;
}

void write_all(int descriptor, uint64_t at, std::string_view bytes,
               const std::function<void(int reason)>& refuse) {
  while (!bytes.empty()) {
    const ssize_t n = ::pwrite(descriptor, bytes.data(), bytes.size(), static_cast<off_t>(at));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) refuse(errno);
    at += static_cast<uint64_t>(n);
    bytes.remove_prefix(static_cast<size_t>(n));
  }
}

void flush_folder(const fs::path& folder) {
  const int descriptor = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (descriptor < 0) return;
  ::fsync(descriptor);  // where folders cannot be flushed, the system writes them eventually
  ::close(descriptor);
}

}  // namespace

fs::path PartialFile::data_of(const fs::path& target) { return target.string() + ".ferrum.incomplete"; }
fs::path PartialFile::journal_of(const fs::path& target) { return target.string() + ".ferrum.journal"; }

// The state of the blocks; empty if there is nothing to resume.
std::string PartialFile::read_journal(const fs::path& target, uint64_t size, uint64_t block) {
  struct stat data {};
  if (::lstat(data_of(target).c_str(), &data) != 0 || !S_ISREG(data.st_mode) ||
      static_cast<uint64_t>(data.st_size) != size)
    return {};
  const std::string text = text_of_file(journal_of(target)).value_or("");
  const bool fits =
      text.starts_with(header_of(target, size, block)) && text.size() == kHeader + count_blocks(size, block);
  if (!fits || text.find_first_not_of("#.", kHeader) != std::string::npos) return {};
  return text.substr(kHeader);
}

uint64_t PartialFile::missing_bytes(const fs::path& target, uint64_t size, uint64_t block) {
  const std::string blocks = read_journal(target, size, block);
  if (blocks.empty()) return size;
  return std::min(size, static_cast<uint64_t>(std::count(blocks.begin(), blocks.end(), kMissing)) * block);
}

PartialFile::PartialFile(fs::path target, uint64_t size, const Options& options)
    : target_(std::move(target)),
      size_(size),
      options_(options),
      blocks_(read_journal(target_, size, options.block)),
      last_flush_(std::chrono::steady_clock::now()) {
  if (blocks_.empty()) {
    begin_anew();
  } else {
    data_ = open_or_fail(data_of(target_), 0);
    journal_ = open_or_fail(journal_of(target_), 0);
  }
}

PartialFile::~PartialFile() {
  if (data_ >= 0) ::close(data_);
  if (journal_ >= 0) ::close(journal_);
}

// The journal is removed first and written last, so that it never describes other bytes.
void PartialFile::begin_anew() {
  discard();
  data_ = open_or_fail(data_of(target_), O_CREAT | O_EXCL);
  if (::ftruncate(data_, static_cast<off_t>(size_)) != 0) fail_for_room(errno);
  blocks_.assign(count_blocks(size_, options_.block), kMissing);
  journal_ = open_or_fail(journal_of(target_), O_CREAT | O_EXCL);
  write_all(journal_, 0, header_of(target_, size_, options_.block) + blocks_,
            [&](int reason) { fail_to_write(journal_of(target_), reason); });
}

void PartialFile::discard() {
  for (int* const descriptor : {&data_, &journal_})
    if (*descriptor >= 0) ::close(std::exchange(*descriptor, -1));
  ::unlink(journal_of(target_).c_str());
  flush_folder(target_.parent_path());
  ::unlink(data_of(target_).c_str());
}

uint64_t PartialFile::bytes_of(size_t block) const {
  const uint64_t begin = block * options_.block;
  return std::min(options_.block, size_ - begin);
}

uint64_t PartialFile::present() const {
  const std::lock_guard lock(mutex_);
  uint64_t bytes = 0;
  for (size_t i = 0; i < blocks_.size(); ++i)
    if (blocks_[i] == kThere || blocks_[i] == kWritten) bytes += bytes_of(i);
  return bytes;
}

std::optional<ByteRange> PartialFile::take(uint64_t most) {
  const std::lock_guard lock(mutex_);
  const size_t first = blocks_.find(kMissing);
  if (first == std::string::npos) return std::nullopt;
  const size_t count = std::max<uint64_t>(1, most / options_.block);
  size_t last = first;
  while (last < blocks_.size() && last - first < count && blocks_[last] == kMissing) blocks_[last++] = kTaken;
  return ByteRange{first * options_.block, std::min(size_, last * options_.block)};
}

void PartialFile::write(uint64_t at, std::string_view bytes) {
  check(at + bytes.size() <= size_, "what is written lies in the file");
  write_all(data_, at, bytes, [&](int reason) { fail_for_room(reason); });
}

void PartialFile::fail_for_room(int reason) {
  if (reason != ENOSPC && reason != EDQUOT && reason != EFBIG) fail_to_write(data_of(target_), reason);
  try {
    flush();
  } catch (const Error&) {  // bytes written since the last flush are fetched again
  }
  const uint64_t there = present();
  fail(ErrorCode::kIo,
       "{}: {}: {} of {} bytes are there, and {} more are needed; make room and run the same command to "
       "resume",
       in_quotes(target_.string()), std::strerror(reason), there, size_, size_ - there);
}

void PartialFile::written(ByteRange range) {
  const std::lock_guard lock(mutex_);
  for (size_t i = (range.begin + options_.block - 1) / options_.block; i < blocks_.size(); ++i) {
    if (i * options_.block + bytes_of(i) > range.end) break;
    if (blocks_[i] == kThere || blocks_[i] == kWritten) continue;
    blocks_[i] = kWritten;
    pending_ += bytes_of(i);
  }
  if (pending_ >= options_.pending ||
      (pending_ > 0 && std::chrono::steady_clock::now() - last_flush_ >= options_.flush_interval))
    flush_locked();
}

void PartialFile::flush() {
  const std::lock_guard lock(mutex_);
  flush_locked();
}

void PartialFile::flush_locked() {
  last_flush_ = std::chrono::steady_clock::now();
  if (pending_ == 0) return;
  if (::fdatasync(data_) != 0) fail_to_write(data_of(target_), errno);
  for (size_t i = blocks_.find(kWritten); i != std::string::npos; i = blocks_.find(kWritten, i)) {
    size_t end = i;
    while (end < blocks_.size() && blocks_[end] == kWritten) blocks_[end++] = kThere;
    write_all(journal_, kHeader + i, std::string_view(blocks_).substr(i, end - i),
              [&](int reason) { fail_to_write(journal_of(target_), reason); });
  }
  pending_ = 0;
}

bool PartialFile::finish(const std::function<void(uint64_t done)>& progress) {
  flush();
  check(blocks_.find_first_not_of(kThere) == std::string::npos, "a file is finished when all of it is there");
  if (::fsync(data_) != 0) fail_to_write(data_of(target_), errno);
  const std::string hash = target_.filename().string();
  if (hash_of_file(data_of(target_), kind_of_hash(hash), progress) != hash) {
    discard();
    return false;
  }
  if (::rename(data_of(target_).c_str(), target_.c_str()) != 0) fail_to_write(target_, errno);
  flush_folder(target_.parent_path());
  ::unlink(journal_of(target_).c_str());
  return true;
}

}  // namespace ferrum::hub
