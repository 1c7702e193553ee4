// A file that appears whole or not at all (fault B61). Bytes go to `<target>.partial` beside the target;
// commit() flushes them to the disk and renames. Until then, and after a failure or a kill, the target is
// what it was before.
//
// Errors name the target: the partial file is our own business.
#pragma once
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>

namespace ferrum {

class OutputFile {
 public:
  // `expected_bytes` are to be written; 0: unknown. Errors kIo, naming the path: the folder is missing or not
  // writable, the target is a folder or a device, the disk has not that much room (fault B62, with both
  // numbers), or another process is writing the same target.
  OutputFile(std::filesystem::path target, uint64_t expected_bytes);
  ~OutputFile();  // without commit(): removes the partial file
  OutputFile(const OutputFile&) = delete;
  OutputFile& operator=(const OutputFile&) = delete;

  // Error kIo: the system refused to write, with its reason and how far it came.
  void write(std::span<const std::byte> bytes);
  uint64_t written() const { return written_; }

  // The target is the new file from here on. Error kIo.
  void commit();

  // Ends the process without unwinding and removes the partial files that it is writing. For whoever waits
  // for signals, on a thread of its own: a signal handler may not call it.
  [[noreturn]] static void end_process(int exit_code);

 private:
  void open_partial();
  void abandon();
  [[noreturn]] void fail_with(int reason, const std::string& what) const;

  std::filesystem::path target_;
  std::filesystem::path partial_;
  int descriptor_ = -1;
  uint64_t written_ = 0;
};

}  // namespace ferrum
