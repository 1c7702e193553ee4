// Owning a file descriptor, and asking what became of the file behind one.
#pragma once
#include <filesystem>
#include <utility>

namespace ferrum {

class FileDescriptor {
 public:
  explicit FileDescriptor(int number) : number_(number) {}  // negative: open(2) failed, nothing is owned
  FileDescriptor(FileDescriptor&& other) noexcept : number_(std::exchange(other.number_, -1)) {}
  FileDescriptor& operator=(FileDescriptor&&) = delete;
  ~FileDescriptor();  // closes it

  int get() const { return number_; }

 private:
  int number_;
};

// False where the file has been renamed, removed or replaced since it was opened.
bool is_still_at(int descriptor, const std::filesystem::path& path);

}  // namespace ferrum
