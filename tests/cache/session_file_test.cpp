#include "cache/session_file.h"

#include <gtest/gtest.h>

#include <cstring>
#include <numeric>

#include "support/errors.h"
#include "support/file_bytes.h"
#include "support/files.h"

namespace ferrum::test {
namespace {

constexpr int kTokens = 4;    // of a block
constexpr int kContents = 6;  // bytes of a block
constexpr int kPage = 3;      // bytes of its page of the first window
constexpr int kWidePage = 5;  // and of the second

SessionHeader header() {
  return {.origin = {.model = "model",
                     .fingerprint = {1, 2},
                     .context = 64,
                     .rotation = {3, 4},
                     .arithmetic = "cpu",
                     .dtype = "f16",
                     .layers = 5,
                     .kv_heads = 6,
                     .head_dim = 7,
                     .block_tokens = kTokens,
                     .block_bytes = kContents,
                     .windows = {{8, kPage}, {32, kWidePage}}},
          .cache_salt = "salt",
          .application_data = std::string("a\0b", 3)};
}

std::vector<TokenId> tokens_of(int block) {
  std::vector<TokenId> tokens(kTokens);
  std::iota(tokens.begin(), tokens.end(), 100 * block);
  return tokens;
}

// The pages that a block has: none, those of one window or of the other, both.
uint32_t pages_of(int block) { return static_cast<uint32_t>(block) % 4; }

std::string page_of(int block, size_t window) {
  if ((pages_of(block) >> window & 1) == 0) return "";
  return std::string(window == 0 ? kPage : kWidePage, static_cast<char>('A' + block));
}

std::string contents_of(int block) { return std::string(kContents, static_cast<char>('a' + block)); }
std::string with_pages(int block) { return contents_of(block) + page_of(block, 0) + page_of(block, 1); }

class SessionFileTest : public testing::Test {
 protected:
  // The bytes of a file with this many blocks.
  std::string write(int blocks) {
    SessionWriter writer(path_, header(), static_cast<uint64_t>(blocks));
    for (int i = 0; i < blocks; ++i) writer.add(tokens_of(i), pages_of(i), as_bytes(with_pages(i)));
    writer.finish();
    const std::string bytes = read_file(path_);
    EXPECT_EQ(writer.bytes(), bytes.size());
    return bytes;
  }
  void expect_refused(const std::string& bytes, ErrorCode code,
                      std::initializer_list<std::string_view> words) {
    SCOPED_TRACE(bytes.size());
    expect_error(code, words, [&] { SessionFile::parse(as_bytes(bytes), "'x.session'"); });
  }

  TemporaryFolder folder_;
  std::filesystem::path path_ = folder_.path() / "x.session";
};

TEST_F(SessionFileTest, GivesBackWhatWasWritten) {
  for (const int blocks : {0, 1, 3, 5}) {
    write(blocks);
    const SessionFile file = SessionFile::open(path_);
    const SessionHeader& h = file.header();
    EXPECT_EQ(h.origin.model, "model");
    EXPECT_EQ(h.origin.fingerprint, (Hash128{1, 2}));
    EXPECT_EQ(h.origin.context, 64);
    EXPECT_EQ(h.origin.rotation, (Hash128{3, 4}));
    EXPECT_EQ(h.origin.arithmetic, "cpu");
    EXPECT_EQ(h.origin.dtype, "f16");
    EXPECT_EQ(h.origin.layers, 5);
    EXPECT_EQ(h.origin.kv_heads, 6);
    EXPECT_EQ(h.origin.head_dim, 7);
    EXPECT_EQ(h.origin.block_tokens, kTokens);
    EXPECT_EQ(h.origin.block_bytes, uint64_t{kContents});
    EXPECT_EQ(h.cache_salt, "salt");
    EXPECT_EQ(h.application_data, std::string("a\0b", 3));
    EXPECT_TRUE(file.intact());
    ASSERT_EQ(file.blocks(), blocks);
    const std::vector<TokenId> tokens = file.tokens();
    ASSERT_EQ(tokens.size(), static_cast<size_t>(blocks * kTokens));
    for (int i = 0; i < blocks; ++i) {
      EXPECT_EQ(std::memcmp(tokens.data() + i * kTokens, tokens_of(i).data(), kTokens * sizeof(TokenId)), 0);
      EXPECT_EQ(std::memcmp(file.contents(i).data(), contents_of(i).data(), kContents), 0);
      for (const size_t window : {0, 1}) {
        const std::span<const std::byte> page = file.page(i, window);
        EXPECT_EQ(std::string(reinterpret_cast<const char*>(page.data()), page.size()), page_of(i, window));
      }
    }
  }
}

// The layout as its header states it: files of this version can be read for as long as it is the version.
TEST_F(SessionFileTest, LayoutIsAsStated) {
  std::string expected = "FerrumKV" + le<uint32_t>(3) + le<int32_t>(64) + le<int32_t>(5) + le<int32_t>(6) +
                         le<int32_t>(7) + le<int32_t>(kTokens) + le<uint64_t>(kContents) + le<uint32_t>(2) +
                         le<int32_t>(8) + le<uint64_t>(kPage) + le<int32_t>(32) + le<uint64_t>(kWidePage) +
                         le<uint64_t>(2) + le<uint64_t>(1) + le<uint64_t>(4) + le<uint64_t>(3) +
                         GgufBytes::string_of("model") + GgufBytes::string_of("cpu") +
                         GgufBytes::string_of("f16") + GgufBytes::string_of("salt") +
                         GgufBytes::string_of(std::string_view("a\0b", 3));
  for (int i = 0; i < 2; ++i) {
    for (const TokenId id : tokens_of(i)) expected += le<int32_t>(id);
    expected += le(pages_of(i)) + with_pages(i);
  }
  expected += le<uint64_t>(2);
  Hasher128 hasher;
  hasher.add(as_bytes(expected));
  expected += le(hasher.hash().low) + le(hasher.hash().high);
  EXPECT_EQ(write(2), expected);
}

TEST_F(SessionFileTest, WithoutFinishNothingIsThere) {
  const std::string before = write(1);
  {
    SessionWriter writer(path_, header(), 2);
    writer.add(tokens_of(7), pages_of(7), as_bytes(with_pages(7)));
  }
  EXPECT_EQ(read_file(path_), before);
  EXPECT_FALSE(std::filesystem::exists(path_.string() + ".partial"));
}

TEST_F(SessionFileTest, B25_CutOffAnywhere) {
  const std::string bytes = write(3);
  for (size_t size = 0; size < bytes.size(); ++size)
    expect_refused(bytes.substr(0, size), ErrorCode::kBadFile, {"'x.session'"});
  expect_refused(bytes.substr(0, bytes.size() - 1), ErrorCode::kBadFile, {"truncated or damaged"});
  // A whole block is missing, and the end is there.
  constexpr size_t kFooter = 24;
  std::string without = bytes;
  const size_t record = kTokens * 4 + sizeof(uint32_t) + with_pages(2).size();
  without.erase(bytes.size() - kFooter - record, record);
  expect_refused(without, ErrorCode::kBadFile, {"2 blocks instead of 3"});
}

TEST_F(SessionFileTest, B25_AnyByteFlipped) {
  const std::string bytes = write(3);
  for (size_t i = 0; i < bytes.size(); ++i)
    for (const char flip : {'\x01', '\x80'}) {
      std::string damaged = bytes;
      damaged[i] ^= flip;
      const bool in_version = i >= 8 && i < 12;
      expect_refused(damaged, in_version ? ErrorCode::kUnsupported : ErrorCode::kBadFile, {"'x.session'"});
    }
  std::string damaged = bytes;
  damaged[bytes.size() - 40] ^= 4;
  expect_refused(damaged, ErrorCode::kBadFile, {"its checksum does not match its contents"});
}

TEST_F(SessionFileTest, B25_AnotherVersion) {
  std::string bytes = write(1);
  bytes[8] = 9;
  expect_refused(bytes, ErrorCode::kUnsupported,
                 {"version 9 of the session format, but this program reads version 3"});
}

TEST_F(SessionFileTest, B25_NoSession) {
  expect_refused("", ErrorCode::kBadFile, {"not a saved session"});
  expect_refused("GGUF and so on", ErrorCode::kBadFile, {"not a saved session"});
  expect_error(ErrorCode::kNotFound, {"x.session"}, [&] { SessionFile::open(path_); });
  expect_error(ErrorCode::kIo, {"regular file"}, [&] { SessionFile::open(folder_.path()); });
}

// Sizes that no writer produces, with a matching checksum.
TEST_F(SessionFileTest, B25_SizesThatOverflow) {
  constexpr size_t kBlockTokensAt = 12 + 4 * 4;
  constexpr size_t kBlockBytesAt = kBlockTokensAt + 4;
  constexpr size_t kWindowsAt = kBlockBytesAt + 8;
  constexpr size_t kPageBytesAt = kWindowsAt + 4 + 4;
  const auto with = [&](size_t at, const std::string& value) {
    std::string bytes = write(2);
    bytes.replace(at, value.size(), value);
    bytes.resize(bytes.size() - 16);
    Hasher128 hasher;
    hasher.add(as_bytes(bytes));
    return bytes + le(hasher.hash().low) + le(hasher.hash().high);
  };
  for (const int32_t tokens :
       {0, -1, std::numeric_limits<int32_t>::min(), std::numeric_limits<int32_t>::max()})
    expect_refused(with(kBlockTokensAt, le(tokens)), ErrorCode::kBadFile, {"damaged"});
  for (const uint64_t bytes : {~uint64_t{0}, ~uint64_t{0} - 15, uint64_t{1} << 62})
    for (const size_t at : {kBlockBytesAt, kPageBytesAt})
      expect_refused(with(at, le(bytes)), ErrorCode::kBadFile, {"damaged"});
  for (const uint32_t windows : {uint32_t{1}, uint32_t{3}, uint32_t{33}, ~uint32_t{0}})
    expect_refused(with(kWindowsAt, le(windows)), ErrorCode::kBadFile, {});
}

TEST(KvOriginTest, B25_WhatDiffersIsNamed) {
  const KvOrigin here = header().origin;
  require_same(here, here, "'x.session'");
  const auto expect = [&](auto change, std::initializer_list<std::string_view> words) {
    KvOrigin saved = here;
    change(saved);
    expect_error(ErrorCode::kBadArgument, words, [&] { require_same(saved, here, "'x.session'"); });
  };
  expect([](KvOrigin& o) { o.fingerprint.low = 9, o.model = "other"; },
         {"'x.session': saved with the model 'other', but 'model' is loaded"});
  expect([](KvOrigin& o) { o.fingerprint.high = 9; }, {"another model of the same name, 'model'"});
  expect([](KvOrigin& o) { o.dtype = "int8"; },
         {"its keys and values are 'int8', but those in use are 'f16'"});
  expect([](KvOrigin& o) { o.arithmetic = "reference"; }, {"computed with 'reference', but 'cpu' is in use"});
  expect([](KvOrigin& o) { o.rotation.low = 9, o.context = 32; },
         {"scaled for a context of 32 tokens, but those in use for one of 64"});
  expect([](KvOrigin& o) { o.block_tokens = 8; }, {"its blocks have 8 tokens, but those in use have 4"});
  expect([](KvOrigin& o) { o.layers = 8; }, {"--speculate mtp"});
  expect([](KvOrigin& o) { o.block_bytes = 8; }, {"8 bytes", "6 bytes"});

  KvOrigin same = here;
  same.model = "renamed";
  same.context = 32;
  require_same(same, here, "'x.session'");
}

}  // namespace
}  // namespace ferrum::test
