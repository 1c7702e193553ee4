// A file mapped read-only. Survives truncation by another process while it is mapped (fault B16).
#pragma once
#include <cstddef>
#include <filesystem>
#include <memory>
#include <span>
#include <string_view>

namespace ferrum {

class MappedFile {
 public:
  // Throws kNotFound, or kIo (unreadable, or not a regular file), naming the path. Does not block on a FIFO.
  // An empty file maps to no bytes.
  static std::shared_ptr<const MappedFile> open(const std::filesystem::path& path);

  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;
  ~MappedFile();

  const std::filesystem::path& path() const { return path_; }
  std::span<const std::byte> bytes() const { return bytes_; }
  std::string_view text() const { return {reinterpret_cast<const char*>(bytes_.data()), bytes_.size()}; }

  // Advises the system that these bytes will not be read again soon; reading them again still works. Bytes
  // outside this file are ignored.
  void release(std::span<const std::byte> part) const;

  // False once a read hit pages missing because the file was truncated. Such reads returned zeros, so results
  // computed from the file since then must be discarded. One atomic load: cheap enough for every step.
  bool intact() const;

 private:
  MappedFile(std::filesystem::path path, std::span<const std::byte> bytes);

  std::filesystem::path path_;
  std::span<const std::byte> bytes_;
  int slot_ = -1;  // index in the SIGBUS handler's table; -1 for an empty file
};

}  // namespace ferrum
