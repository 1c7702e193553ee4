// A file with the keys and values of one sequence from its first token on, in whole blocks.
//
// The format is our own: little endian, without padding; a text is its length (u64) and its bytes.
//
//   8 bytes  "FerrumKV"
//   u32      version: 3; increased also when the same model, tokens and settings give other numbers
//   i32      context, layers, kv_heads, head_dim, block_tokens     (KvOrigin)
//   u64      block_bytes
//   u32      windows, and for each: i32 window, u64 page_bytes
//   u64 × 4  fingerprint, rotation: the low half of each first
//   texts    model, arithmetic, dtype
//   texts    cache salt, application data
//   blocks   each block_tokens ids (i32), a mask (u32) of the windows whose page is there, block_bytes of
//   keys and
//            values as Model::read_block gives them, and the pages
//   u64      number of blocks
//   u64 × 2  XXH3-128 of all bytes before, the low half first
#pragma once
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/hash128.h"
#include "base/mapped_file.h"
#include "base/output_file.h"
#include "cache/kv_origin.h"
#include "text/token.h"

namespace ferrum {

struct SessionHeader {
  KvOrigin origin;
  std::string cache_salt;
  std::string application_data;  // any bytes of the application's
};

class SessionWriter {
 public:
  // `expected_blocks` is an estimate. Throws as OutputFile does.
  SessionWriter(const std::filesystem::path& path, const SessionHeader& header, uint64_t expected_blocks);

  // `tokens` [block_tokens]; `contents` are block_bytes and the pages of the windows whose bits are in
  // `pages`, in their order. Error kIo.
  void add(std::span<const TokenId> tokens, uint32_t pages, std::span<const std::byte> contents);
  // Completes the file; without this call there is no file. Error kIo.
  void finish();

  uint64_t bytes() const { return file_.written(); }

 private:
  void write(std::span<const std::byte> bytes);

  OutputFile file_;
  Hasher128 hasher_;
  uint64_t blocks_ = 0;
};

class SessionFile {
 public:
  // Throws as MappedFile does; kBadFile for a file that is not a session, or is truncated or damaged;
  // kUnsupported for another version. Once opened, the contents are valid as long as intact() holds.
  static SessionFile open(const std::filesystem::path& path);
  // `bytes` must outlive the result; `source` names them in messages.
  static SessionFile parse(std::span<const std::byte> bytes, const std::string& source);

  const SessionHeader& header() const { return header_; }
  int blocks() const { return static_cast<int>(offsets_.size()); }
  std::vector<TokenId> tokens() const;                              // of all blocks
  std::span<const std::byte> contents(int block) const;             // [block_bytes]
  std::span<const std::byte> page(int block, size_t window) const;  // [page_bytes]; empty: there is none

  // False once the file was truncated while open: contents read since then may be zeros.
  bool intact() const { return !file_ || file_->intact(); }

 private:
  SessionFile() = default;
  size_t token_bytes() const { return static_cast<size_t>(header_.origin.block_tokens) * sizeof(TokenId); }
  // Finds the records of the blocks. Error kBadFile, naming `source`.
  void index_records(const std::string& source, size_t file_bytes);
  uint32_t pages_of(int block) const;
  uint64_t page_bytes(uint32_t pages) const;

  std::shared_ptr<const MappedFile> file_;  // null if the bytes are not from a file
  SessionHeader header_;
  std::span<const std::byte> records_;
  std::vector<size_t> offsets_;  // of each block's record
};

}  // namespace ferrum
