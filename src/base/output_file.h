// A file that is written completely or not at all (fault B61). Bytes go to `<target>.partial` beside the
// target; commit() flushes and renames it. Until then, and after a failure or a kill, the target is
// unchanged.
//
// Errors name the target: the partial file is an implementation detail.
#pragma once
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <mutex>
#include <span>
#include <string>

namespace ferrum {

class OutputFile {
 public:
  // `expected_bytes` is the size to be written; 0: unknown. Throws kIo naming the path: the folder is missing
  // or not writable, the target is a folder or a device, the disk lacks the room (fault B62, with both
  // numbers), or another process is writing the same target.
  OutputFile(std::filesystem::path target, uint64_t expected_bytes);
  ~OutputFile();  // removes the partial file unless committed
  OutputFile(const OutputFile&) = delete;
  OutputFile& operator=(const OutputFile&) = delete;

  // Throws kIo with the system's reason and the number of bytes written.
  void write(std::span<const std::byte> bytes);
  uint64_t written() const { return written_; }

  // From here on the target is the new file. Throws kIo.
  void commit();

  // Ends the process without unwinding, after removing the partial files and folders that it is writing. Call
  // it from the thread that waits for signals; a signal handler may not call it.
  [[noreturn]] static void end_process(int exit_code);
  // end_process() waits while this is held: for a write into a file that is read although the process ended.
  // A process that ends cuts a write of several pages.
  [[nodiscard]] static std::unique_lock<std::mutex> delay_end();

 private:
  void open_partial();
  void abandon();
  [[noreturn]] void fail_with(int reason, const std::string& what) const;

  std::filesystem::path target_;
  std::filesystem::path partial_;
  int descriptor_ = -1;
  uint64_t written_ = 0;
};

// A new folder that is there with all of its files or not at all. Files are written to `<target>.partial`,
// and commit() renames it. Until then, and after a failure or a signal that end_process() answers, there is
// no target.
class OutputFolder {
 public:
  // Throws kIo naming the path: there is something of that name already, or the folder around it is missing
  // or not writable.
  explicit OutputFolder(std::filesystem::path target);
  ~OutputFolder();  // removes what was written unless committed
  OutputFolder(const OutputFolder&) = delete;
  OutputFolder& operator=(const OutputFolder&) = delete;

  const std::filesystem::path& path() const { return partial_; }  // where to write
  void commit();                                                  // throws kIo

 private:
  std::filesystem::path target_;
  std::filesystem::path partial_;
  bool committed_ = false;
};

}  // namespace ferrum
