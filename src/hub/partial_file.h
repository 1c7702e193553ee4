// A partial download: its bytes, written in any order, and a journal of the blocks that are durable. After a
// crash of the process or the machine, every block in the journal is on the disk (fault B61).
//
//   HASH.ferrum.incomplete   has the size of the whole file; other tools write HASH.incomplete in order
//   HASH.ferrum.journal      a line "ferrum-partial 1 HASH SIZE BLOCK" padded to 128 bytes, then for each
//   block
//                            '#' if it is there, else '.'
#pragma once
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace ferrum::hub {

struct ByteRange {
  uint64_t begin = 0;
  uint64_t end = 0;  // exclusive
};

// Thread-safe, except for construction and destruction.
class PartialFile {
 public:
  struct Options {
    uint64_t block = 1 << 20;                        // the journal's unit
    uint64_t pending = 8 << 20;                      // the maximum number of unflushed bytes, and
    std::chrono::milliseconds flush_interval{1000};  // the maximum time between flushes
  };

  // Resumes an earlier download of the same file. `target` is the blob; its name is the hash. Throws kIo.
  PartialFile(std::filesystem::path target, uint64_t size, const Options& options);
  ~PartialFile();  // keeps the files
  PartialFile(const PartialFile&) = delete;
  PartialFile& operator=(const PartialFile&) = delete;

  uint64_t size() const { return size_; }
  uint64_t present() const;  // in whole blocks
  // Claims a missing, unclaimed range of whole blocks of at most `most` bytes; nullopt if none is left.
  std::optional<ByteRange> take(uint64_t most);

  // Throws kIo: the disk is full (with the missing amount, fault B62), or another error of the system.
  void write(uint64_t at, std::string_view bytes);
  // Records that all of the range was written; blocks that lie completely in it count from now on.
  void written(ByteRange range);
  // Flushes the data, then records it in the journal.
  void flush();

  // Call when all blocks are there. Compares the hash; if it is right, renames the file to the target,
  // otherwise discards everything and returns false (fault B64). Throws kIo.
  bool finish(const std::function<void(uint64_t done)>& progress);

  // The bytes that a pull of this file still has to fetch.
  static uint64_t missing_bytes(const std::filesystem::path& target, uint64_t size, uint64_t block);

 private:
  static std::filesystem::path data_of(const std::filesystem::path& target);
  static std::filesystem::path journal_of(const std::filesystem::path& target);
  static std::string read_journal(const std::filesystem::path& target, uint64_t size, uint64_t block);
  uint64_t bytes_of(size_t block) const;
  void begin_anew();
  void flush_locked();
  [[noreturn]] void fail_for_room(int reason);
  void discard();

  std::filesystem::path target_;
  uint64_t size_;
  Options options_;
  int data_ = -1;
  int journal_ = -1;

  mutable std::mutex mutex_;  // guards the members below
  std::string blocks_;        // '#': written, and in the journal; '+': written; ':': claimed; '.': missing
  uint64_t pending_ = 0;      // bytes of '+' blocks
  std::chrono::steady_clock::time_point last_flush_;
};

}  // namespace ferrum::hub
