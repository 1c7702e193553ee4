#include "cache/session_file.h"

#include <algorithm>
#include <cstring>
#include <limits>
#include <string_view>

#include "base/byte_cursor.h"
#include "base/check.h"
#include "base/error.h"

namespace ferrum {
namespace {

constexpr std::string_view kMagic = "FerrumKV";
constexpr uint32_t kVersion = 3;
constexpr size_t kChecksumBytes = 2 * sizeof(uint64_t);
constexpr int32_t kMaxBlockTokens = 1 << 20;
constexpr uint64_t kMaxBlockBytes = uint64_t{1} << 40;
constexpr uint32_t kMaxWindows = 32;  // bits of a mask

template <class T>
void put(std::string& out, T value) {
  out.append(reinterpret_cast<const char*>(&value), sizeof value);
}

void put(std::string& out, const Hash128& hash) {
  put(out, hash.low);
  put(out, hash.high);
}

void put_text(std::string& out, const std::string& text) {
  put(out, uint64_t{text.size()});
  out += text;
}

std::string bytes_of(const SessionHeader& header) {
  const KvOrigin& o = header.origin;
  std::string out(kMagic);
  put(out, kVersion);
  for (const int32_t number : {o.context, o.layers, o.kv_heads, o.head_dim, o.block_tokens}) put(out, number);
  put(out, o.block_bytes);
  put(out, static_cast<uint32_t>(o.windows.size()));
  for (const KvOrigin::Window& window : o.windows) {
    put(out, window.window);
    put(out, window.page_bytes);
  }
  put(out, o.fingerprint);
  put(out, o.rotation);
  for (const std::string* text :
       {&o.model, &o.arithmetic, &o.dtype, &header.cache_salt, &header.application_data})
    put_text(out, *text);
  return out;
}

Hash128 read_hash(ByteCursor& in, std::string_view what) {
  const auto low = in.read<uint64_t>(what);
  return {.high = in.read<uint64_t>(what), .low = low};
}

std::string read_text(ByteCursor& in, std::string_view what) {
  const std::span<const std::byte> bytes = in.take(in.read_count(what, 1), what);
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

void read_magic_and_version(ByteCursor& in, const std::string& source) {
  const std::span<const std::byte> magic = in.take(std::min(kMagic.size(), in.remaining()), "magic");
  if (magic.size() != kMagic.size() || std::memcmp(magic.data(), kMagic.data(), kMagic.size()) != 0)
    fail(ErrorCode::kBadFile, "{}: not a saved session", source);
  if (const auto version = in.read<uint32_t>("version"); version != kVersion)
    fail(ErrorCode::kUnsupported, "{}: version {} of the session format, but this program reads version {}",
         source, version, kVersion);
}

SessionHeader read_header(ByteCursor& in, const std::string& source) {
  SessionHeader header;
  KvOrigin& o = header.origin;
  for (int32_t* number : {&o.context, &o.layers, &o.kv_heads, &o.head_dim, &o.block_tokens})
    *number = in.read<int32_t>("sizes");
  o.block_bytes = in.read<uint64_t>("block bytes");
  if (o.block_tokens < 1 || o.block_tokens > kMaxBlockTokens || o.block_bytes > kMaxBlockBytes)
    fail(ErrorCode::kBadFile, "{}: damaged: blocks of {} tokens and {} bytes", source, o.block_tokens,
         o.block_bytes);
  const auto windows = in.read<uint32_t>("windows");
  if (windows > kMaxWindows) fail(ErrorCode::kBadFile, "{}: damaged: {} windows", source, windows);
  for (uint32_t i = 0; i < windows; ++i) {
    const auto window = in.read<int32_t>("window");
    o.windows.push_back({window, in.read<uint64_t>("page bytes")});
    if (o.windows.back().page_bytes > kMaxBlockBytes)
      fail(ErrorCode::kBadFile, "{}: damaged: pages of {} bytes", source, o.windows.back().page_bytes);
  }
  o.fingerprint = read_hash(in, "fingerprint");
  o.rotation = read_hash(in, "rotation");
  o.model = read_text(in, "model");
  o.arithmetic = read_text(in, "arithmetic");
  o.dtype = read_text(in, "dtype");
  header.cache_salt = read_text(in, "cache salt");
  header.application_data = read_text(in, "application data");
  return header;
}

void check_whole(std::span<const std::byte> bytes, const std::string& source) {
  const size_t end = bytes.size() - kChecksumBytes;
  ByteCursor in(bytes.subspan(end), source);
  Hasher128 hasher;
  hasher.add(bytes.first(end));
  if (read_hash(in, "checksum") != hasher.hash())
    fail(ErrorCode::kBadFile, "{}: damaged: its checksum does not match its contents", source);
}

}  // namespace

SessionWriter::SessionWriter(const std::filesystem::path& path, const SessionHeader& header,
                             uint64_t expected_blocks)
    : file_(path, expected_blocks * header.origin.block_bytes) {
  const std::string bytes = bytes_of(header);
  write(std::as_bytes(std::span(bytes)));
}

void SessionWriter::write(std::span<const std::byte> bytes) {
  hasher_.add(bytes);
  file_.write(bytes);
}

void SessionWriter::add(std::span<const TokenId> tokens, uint32_t pages,
                        std::span<const std::byte> contents) {
  write(std::as_bytes(tokens));
  write(std::as_bytes(std::span(&pages, 1)));
  write(contents);
  ++blocks_;
}

void SessionWriter::finish() {
  write(std::as_bytes(std::span(&blocks_, 1)));
  std::string checksum;
  put(checksum, hasher_.hash());
  file_.write(std::as_bytes(std::span(checksum)));
  file_.commit();
}

SessionFile SessionFile::open(const std::filesystem::path& path) {
  std::shared_ptr<const MappedFile> file = MappedFile::open(path);
  SessionFile session = parse(file->bytes(), in_quotes(path.string()));
  session.file_ = std::move(file);
  return session;
}

SessionFile SessionFile::parse(std::span<const std::byte> bytes, const std::string& source) {
  ByteCursor in(bytes, source);
  read_magic_and_version(in, source);
  SessionFile session;
  session.header_ = read_header(in, source);

  constexpr size_t kFooterBytes = sizeof(uint64_t) + kChecksumBytes;
  if (in.remaining() < kFooterBytes)
    fail(ErrorCode::kBadFile, "{}: truncated or damaged: {} bytes are not a whole number of blocks", source,
         bytes.size());
  session.records_ = in.take(in.remaining() - kFooterBytes, "blocks");
  session.index_records(source, bytes.size());
  const auto blocks = static_cast<uint64_t>(session.offsets_.size());
  const auto expected = in.read<uint64_t>("number of blocks");
  if (expected != blocks)
    fail(ErrorCode::kBadFile, "{}: truncated or damaged: {} blocks instead of {}", source, blocks, expected);
  check_whole(bytes, source);
  return session;
}

void SessionFile::index_records(const std::string& source, size_t file_bytes) {
  const KvOrigin& origin = header_.origin;
  const auto most = static_cast<size_t>(std::numeric_limits<int>::max() / origin.block_tokens);
  const uint64_t least = token_bytes() + sizeof(uint32_t) + origin.block_bytes;
  for (uint64_t at = 0; at < records_.size();) {
    if (offsets_.size() == most)
      fail(ErrorCode::kBadFile, "{}: damaged: more than {} blocks of {} tokens", source, most,
           origin.block_tokens);
    const uint64_t rest = records_.size() - at;
    offsets_.push_back(at);
    const bool has_mask = rest >= least;
    const uint32_t pages = has_mask ? pages_of(blocks() - 1) : 0;
    if (has_mask && pages >> origin.windows.size() != 0 && origin.windows.size() < kMaxWindows)
      fail(ErrorCode::kBadFile, "{}: damaged: pages of windows that it does not have", source);
    const uint64_t bytes = least + page_bytes(pages);
    if (rest < bytes)
      fail(ErrorCode::kBadFile, "{}: truncated or damaged: {} bytes are not a whole number of blocks", source,
           file_bytes);
    at += bytes;
  }
}

uint32_t SessionFile::pages_of(int block) const {
  uint32_t pages = 0;
  std::memcpy(&pages, records_.data() + offsets_[static_cast<size_t>(block)] + token_bytes(), sizeof pages);
  return pages;
}

uint64_t SessionFile::page_bytes(uint32_t pages) const {
  uint64_t bytes = 0;
  for (size_t w = 0; w < header_.origin.windows.size(); ++w)
    if ((pages >> w & 1) != 0) bytes += header_.origin.windows[w].page_bytes;
  return bytes;
}

std::vector<TokenId> SessionFile::tokens() const {
  const auto count = static_cast<size_t>(header_.origin.block_tokens);
  std::vector<TokenId> tokens(count * offsets_.size());
  for (size_t i = 0; i < offsets_.size(); ++i)
    std::memcpy(tokens.data() + i * count, records_.data() + offsets_[i], token_bytes());
  return tokens;
}

std::span<const std::byte> SessionFile::contents(int block) const {
  check(block >= 0 && block < blocks(), "a block of the session");
  return records_.subspan(offsets_[static_cast<size_t>(block)] + token_bytes() + sizeof(uint32_t),
                          header_.origin.block_bytes);
}

std::span<const std::byte> SessionFile::page(int block, size_t window) const {
  check(block >= 0 && block < blocks(), "a block of the session");
  const uint32_t pages = pages_of(block);
  if ((pages >> window & 1) == 0) return {};
  const uint32_t before = pages & ((uint32_t{1} << window) - 1);
  return records_.subspan(offsets_[static_cast<size_t>(block)] + token_bytes() + sizeof(uint32_t) +
                              header_.origin.block_bytes + page_bytes(before),
                          header_.origin.windows[window].page_bytes);
}

}  // namespace ferrum
