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
constexpr uint32_t kVersion = 2;
constexpr size_t kChecksumBytes = 2 * sizeof(uint64_t);
constexpr int32_t kMaxBlockTokens = 1 << 20;
constexpr uint64_t kMaxBlockBytes = uint64_t{1} << 40;

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
    fail(ErrorCode::kUnsupported, "{}: version {} of the session format, and this program reads version {}",
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
    fail(ErrorCode::kBadFile, "{}: damaged: its checksum is not that of its contents", source);
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

void SessionWriter::add(std::span<const TokenId> tokens, std::span<const std::byte> contents) {
  write(std::as_bytes(tokens));
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
  const uint64_t record = session.token_bytes() + session.header_.origin.block_bytes;
  if (in.remaining() < kFooterBytes || (in.remaining() - kFooterBytes) % record != 0)
    fail(ErrorCode::kBadFile, "{}: cut off or damaged: {} bytes are no whole number of blocks", source,
         bytes.size());
  const uint64_t blocks = (in.remaining() - kFooterBytes) / record;
  session.records_ = in.take(blocks * record, "blocks");
  const auto told = in.read<uint64_t>("number of blocks");
  if (told != blocks)
    fail(ErrorCode::kBadFile, "{}: cut off or damaged: {} blocks where {} were written", source, blocks,
         told);
  if (blocks > static_cast<uint64_t>(std::numeric_limits<int>::max() / session.header_.origin.block_tokens))
    fail(ErrorCode::kBadFile, "{}: damaged: {} blocks of {} tokens", source, blocks,
         session.header_.origin.block_tokens);
  session.blocks_ = static_cast<int>(blocks);
  check_whole(bytes, source);
  return session;
}

std::vector<TokenId> SessionFile::tokens() const {
  const auto count = static_cast<size_t>(header_.origin.block_tokens);
  std::vector<TokenId> tokens(count * static_cast<size_t>(blocks_));
  for (int i = 0; i < blocks_; ++i) {
    const std::span<const std::byte> from = records_.subspan(
        static_cast<size_t>(i) * (token_bytes() + header_.origin.block_bytes), token_bytes());
    std::memcpy(tokens.data() + static_cast<size_t>(i) * count, from.data(), from.size());
  }
  return tokens;
}

std::span<const std::byte> SessionFile::contents(int block) const {
  check(block >= 0 && block < blocks_, "a block of the session");
  const size_t record = token_bytes() + header_.origin.block_bytes;
  return records_.subspan(static_cast<size_t>(block) * record + token_bytes(), header_.origin.block_bytes);
}

}  // namespace ferrum
