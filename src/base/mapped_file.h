// A file mapped read-only. Survives being truncated by someone else while it is mapped (fault B16).
#pragma once
#include <cstddef>
#include <filesystem>
#include <memory>
#include <span>
#include <string_view>

namespace ferrum {

class MappedFile {
 public:
  // Errors: kNotFound, kIo (unreadable, or not a regular file), naming the path; it never waits, for a FIFO's
  // writer say. An empty file maps to no bytes.
  static std::shared_ptr<const MappedFile> open(const std::filesystem::path& path);

  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;
  ~MappedFile();

  const std::filesystem::path& path() const { return path_; }
  std::span<const std::byte> bytes() const { return bytes_; }
  std::string_view text() const { return {reinterpret_cast<const char*>(bytes_.data()), bytes_.size()}; }

  // Tells the system that these bytes will not be read again soon; reading them again still works. Bytes that
  // are not this file's are left alone.
  void release(std::span<const std::byte> part) const;

  // False once a read found pages missing because the file was cut. Such reads gave zeros, so whatever was
  // computed from the file since must be thrown away. One atomic load: cheap enough for every step.
  bool intact() const;

 private:
  MappedFile(std::filesystem::path path, std::span<const std::byte> bytes);

  std::filesystem::path path_;
  std::span<const std::byte> bytes_;
  int slot_ = -1;  // in the table that the SIGBUS handler searches; -1 for an empty file
};

}  // namespace ferrum
