#include "checkpoint/gguf/gguf_writer.h"

#include <gtest/gtest.h>

#include <fstream>
#include <numeric>

#include "base/error.h"
#include "support/files.h"

namespace ferrum {
namespace {

namespace fs = std::filesystem;

class GgufWriterTest : public testing::Test {
 protected:
  fs::path target() const { return folder_.path() / "model.gguf"; }

  test::TemporaryFolder folder_;
};

std::vector<std::byte> numbered_bytes(size_t count) {
  std::vector<std::byte> bytes(count);
  for (size_t i = 0; i < count; ++i) bytes[i] = static_cast<std::byte>(i * 7 + 1);
  return bytes;
}

void set_every_type(GgufHeader& header) {
  header.set("general.architecture", "llama");
  header.set("t.u8", uint8_t{200});
  header.set("t.i8", int8_t{-100});
  header.set("t.u16", uint16_t{60000});
  header.set("t.i16", int16_t{-30000});
  header.set("t.u32", uint32_t{4000000000});
  header.set("t.i32", int32_t{-2000000000});
  header.set("t.f32", 1.5f);
  header.set("t.bool", true);
  header.set("t.string", "žluť\nand more");
  header.set("t.u64", uint64_t{1} << 60);
  header.set("t.i64", -(int64_t{1} << 60));
  header.set("t.f64", 0.1);
  header.set("a.u8", std::vector<uint8_t>{1, 255});
  header.set("a.i32", std::vector<int32_t>{-1, 2});
  header.set("a.f32", std::vector<float>{0.5f, -2});
  header.set("a.bool", std::vector<bool>{true, false, true});
  header.set("a.string", std::vector<std::string>{"", "b", "ß"});
  header.set("a.f64", std::vector<double>{0.1, 1e300});
  header.set("a.empty", std::vector<std::string>{});
}

void expect_every_type(const GgufMetadata& m) {
  EXPECT_EQ(m.string("general.architecture"), "llama");
  EXPECT_EQ(m.unsigned_integer("t.u8"), 200u);
  EXPECT_EQ(m.integer("t.i8"), -100);
  EXPECT_EQ(m.unsigned_integer("t.u16"), 60000u);
  EXPECT_EQ(m.integer("t.i16"), -30000);
  EXPECT_EQ(m.unsigned_integer("t.u32"), 4000000000u);
  EXPECT_EQ(m.integer("t.i32"), -2000000000);
  EXPECT_EQ(m.number("t.f32"), 1.5);
  EXPECT_EQ(m.boolean("t.bool"), true);
  EXPECT_EQ(m.string("t.string"), "žluť\nand more");
  EXPECT_EQ(m.unsigned_integer("t.u64"), uint64_t{1} << 60);
  EXPECT_EQ(m.integer("t.i64"), -(int64_t{1} << 60));
  EXPECT_EQ(m.integers("a.u8"), (std::vector<int64_t>{1, 255}));
  EXPECT_EQ(m.integers("a.i32"), (std::vector<int64_t>{-1, 2}));
  EXPECT_EQ(m.floats("a.f32"), (std::vector<float>{0.5f, -2}));
  EXPECT_EQ(m.integers("a.bool"), (std::vector<int64_t>{1, 0, 1}));
  ASSERT_TRUE(m.strings("a.string"));
  EXPECT_EQ((std::vector<std::string>(m.strings("a.string")->begin(), m.strings("a.string")->end())),
            (std::vector<std::string>{"", "b", "ß"}));
  EXPECT_EQ(m.strings("a.empty")->size(), 0u);
}

TEST_F(GgufWriterTest, WhatIsWrittenIsRead) {
  GgufHeader header;
  set_every_type(header);
  header.add({"odd", Format::kF32, {3}});  // 12 bytes: padding follows
  header.add({"matrix", Format::kQ8_0, {3, 64}});
  header.add({"experts", Format::kQ4_K, {2, 3, 256}});
  header.add({"last", Format::kF16, {1, 5}});
  const uint64_t file_bytes = header.file_bytes();

  GgufWriter writer(target(), header);
  std::vector<std::vector<std::byte>> data;
  while (const auto* tensor = writer.current()) {
    data.push_back(numbered_bytes(tensor->bytes()));
    std::span<const std::byte> rest = data.back();
    while (!rest.empty()) {
      const size_t piece = std::min<size_t>(rest.size(), 13);
      writer.append(rest.first(piece));
      rest = rest.subspan(piece);
    }
  }
  EXPECT_FALSE(fs::exists(target()));
  writer.finish();
  EXPECT_EQ(fs::file_size(target()), file_bytes);

  const auto file = GgufFile::open(target());
  EXPECT_EQ(file->version(), 3);
  expect_every_type(file->metadata());
  ASSERT_EQ(file->tensors().size(), 4u);
  const std::vector<std::string> names = {"odd", "matrix", "experts", "last"};
  for (size_t i = 0; i < 4; ++i) {
    const HostTensor& tensor = file->tensors()[i];
    EXPECT_EQ(tensor.name, names[i]);
    EXPECT_EQ(tensor.format, header.tensors()[i].format);
    EXPECT_EQ(tensor.shape, header.tensors()[i].shape);
    EXPECT_TRUE(std::equal(tensor.bytes.begin(), tensor.bytes.end(), data[i].begin(), data[i].end()))
        << names[i];
  }
}

TEST_F(GgufWriterTest, MetadataCopiedFromAFileStaysTheSame) {
  const auto write = [](const GgufHeader& header, const fs::path& path) {
    GgufWriter writer(path, header);
    writer.finish();
  };
  GgufHeader header;
  set_every_type(header);
  write(header, target());
  const auto file = GgufFile::open(target());
  GgufHeader copy;
  for (const auto& [key, value] : file->metadata().entries()) copy.copy(key, value);
  write(copy, folder_.path() / "copy.gguf");
  expect_every_type(GgufFile::open(folder_.path() / "copy.gguf")->metadata());
}

TEST_F(GgufWriterTest, B61_AnUnfinishedFileLeavesNothing) {
  {
    GgufHeader header;
    header.add({"t", Format::kF32, {100}});
    GgufWriter writer(target(), header);
    writer.append(numbered_bytes(100));
  }
  EXPECT_TRUE(fs::is_empty(folder_.path()));
}

TEST_F(GgufWriterTest, B62_NoRoomForAllOfIt) {
  GgufHeader header;
  header.add({"t", Format::kF32, {int64_t{1} << 28, int64_t{1} << 28}});
  try {
    GgufWriter writer(target(), header);
    FAIL();
  } catch (const Error& e) {
    EXPECT_EQ(e.code(), ErrorCode::kIo);
    EXPECT_NE(std::string(e.what()).find("but its disk has"), std::string::npos) << e.what();
  }
  EXPECT_TRUE(fs::is_empty(folder_.path()));
}

}  // namespace
}  // namespace ferrum
