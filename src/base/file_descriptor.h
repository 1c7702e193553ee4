// Ownership of file descriptors; opening files; whether an open file is still at its path.
#pragma once
#include <filesystem>
#include <utility>

namespace ferrum {

class FileDescriptor {
 public:
  explicit FileDescriptor(int number) : number_(number) {}  // negative: open(2) failed, nothing to close
  FileDescriptor(FileDescriptor&& other) noexcept : number_(std::exchange(other.number_, -1)) {}
  FileDescriptor& operator=(FileDescriptor&&) = delete;
  ~FileDescriptor();  // closes the descriptor

  int get() const { return number_; }

 private:
  int number_;
};

// Opens a regular file for reading. Does not block: open(2) of a FIFO would wait for a writer. Throws
// kNotFound, or kIo (a folder, a FIFO, a socket, a device, no permission), naming the path.
FileDescriptor open_regular_file(const std::filesystem::path& path);

// False if the file has been renamed, removed or replaced since it was opened.
bool is_still_at(int descriptor, const std::filesystem::path& path);

}  // namespace ferrum
