// A file that is on its way: its bytes, in any order, and a journal of which are safely there. Whatever
// happens to the process or the machine, what the journal says is on the disk (fault B61).
//
//   HASH.ferrum.incomplete   of the whole file's size; other tools keep what comes first in HASH.incomplete
//   HASH.ferrum.journal      a line "ferrum-partial 1 HASH SIZE BLOCK" filled up to 128 bytes, then for each
//   block '#'
//                            if it is there, else '.'
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
  uint64_t end = 0;  // not included
};

// Thread-safe, but for its making and its end.
class PartialFile {
 public:
  struct Options {
    uint64_t block = 1 << 20;                  // what the journal counts in
    uint64_t pending = 8 << 20;                // bytes that may wait for being flushed to the disk, and
    std::chrono::milliseconds patience{1000};  // how long
  };

  // Goes on with what is there, if it is of the same file. `target` is the blob; its name is the hash. Error
  // kIo.
  PartialFile(std::filesystem::path target, uint64_t size, const Options& options);
  ~PartialFile();  // what is there stays
  PartialFile(const PartialFile&) = delete;
  PartialFile& operator=(const PartialFile&) = delete;

  uint64_t size() const { return size_; }
  uint64_t present() const;  // bytes of whole blocks
  // Takes a range that is missing and that nobody has taken, of at most so many bytes and of whole blocks;
  // nothing where none is left.
  std::optional<ByteRange> take(uint64_t most);

  // Error kIo: the disk is full (with how much is missing, fault B62), or what else the system says.
  void write(uint64_t at, std::string_view bytes);
  // Everything of the range was written; blocks that lie in it as a whole count from now on.
  void written(ByteRange range);
  // Flushes, and puts what was written into the journal.
  void flush();

  // All blocks are there: compares the hash and, if it is right, puts the file into the target's place. Else
  // throws away everything and returns false (fault B64). Error kIo.
  bool finish(const std::function<void(uint64_t done)>& progress);

  // Bytes that a pull of this file still has to fetch.
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

  mutable std::mutex mutex_;  // guards what follows
  std::string blocks_;        // '#': there, and in the journal; '+': written; ':': taken; '.': missing
  uint64_t pending_ = 0;      // bytes of blocks '+'
  std::chrono::steady_clock::time_point last_flush_;
};

}  // namespace ferrum::hub
