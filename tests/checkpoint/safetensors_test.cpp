#include "checkpoint/safetensors/safetensors.h"

#include <gtest/gtest.h>

#include "checkpoint/safetensors/safetensors_writer.h"
#include "support/errors.h"
#include "support/file_bytes.h"
#include "support/paths.h"

namespace ferrum {
namespace {

using test::expect_error;
using test::le;
using test::safetensors_bytes;
using test::SafetensorsBytes;
using Words = std::initializer_list<std::string_view>;

struct Parsed {
  explicit Parsed(std::string b)
      : bytes(std::move(b)), file(SafetensorsFile::parse(test::as_bytes(bytes), "m.safetensors")) {}
  std::string bytes;
  std::unique_ptr<SafetensorsFile> file;
};

void expect_bad(const std::string& bytes, Words words, ErrorCode code = ErrorCode::kBadFile) {
  expect_error(code, words, [&] { SafetensorsFile::parse(test::as_bytes(bytes), "m.safetensors"); });
}

void expect_bad_header(std::string_view header, size_t data, Words words) {
  expect_bad(safetensors_bytes(header, std::string(data, '\0')), words);
}

TEST(Safetensors, TensorsHaveTypeShapeAndBytes) {
  const Parsed p(SafetensorsBytes()
                     .tensor("b", {2, 3}, "BF16", "abcdefghijkl")
                     .tensor("a", {}, "F32", le(1.5f))
                     .tensor("none", {0, 4}, "F16", "")
                     .build());
  ASSERT_EQ(p.file->entries().size(), 3u);
  EXPECT_EQ(p.file->entries()[0].name, "a");
  const HostTensor b = p.file->tensor("b");
  EXPECT_EQ(b.format, Format::kBF16);
  EXPECT_EQ(b.shape, (std::vector<int64_t>{2, 3}));
  EXPECT_EQ(b.bytes[11], std::byte{'l'});
  EXPECT_EQ(decoded(p.file->tensor("a")), std::vector<float>{1.5f});
  EXPECT_EQ(p.file->find("c"), nullptr);
}

TEST(Safetensors, IntegersAreRead) {
  const Parsed p(SafetensorsBytes()
                     .tensor("ids", {2}, "I64", le<int64_t>(-1) + le<int64_t>(1ll << 40))
                     .tensor("small", {1}, "I32", le<int32_t>(-7))
                     .tensor("f", {1}, "F32", le(1.f))
                     .tensor("f8", {4}, "F8_E4M3", "abcd")
                     .build());
  EXPECT_EQ(p.file->integers("ids"), (std::vector<int64_t>{-1, 1ll << 40}));
  EXPECT_EQ(p.file->integers("small"), std::vector<int64_t>{-7});
  expect_error(ErrorCode::kUnsupported, {"m.safetensors", "'f'", "F32", "I64"},
               [&] { p.file->integers("f"); });
  expect_error(ErrorCode::kUnsupported, {"m.safetensors", "'f8'", "F8_E4M3"}, [&] { p.file->tensor("f8"); });
  expect_error(ErrorCode::kNotFound, {"m.safetensors", "'x'"}, [&] { p.file->tensor("x"); });
}

TEST(Safetensors, AGoldenIsRead) {
  const auto file = SafetensorsFile::open(test::data("goldens/llama/golden.safetensors"));
  EXPECT_EQ(file->find("input_ids")->shape, (std::vector<int64_t>{2, 40}));
  EXPECT_EQ(file->tensor("logits").shape, (std::vector<int64_t>{2, 40, 384}));
  EXPECT_EQ(file->integers("greedy").size(), 32u);
}

TEST(Safetensors, WhatIsWrittenIsRead) {
  const test::TemporaryFolder folder;
  const auto path = folder.path() / "out.safetensors";
  {
    SafetensorsWriter writer(path, {{"logits", "F32", {2, 2}}, {"ids", "I64", {1}}},
                             {{"made by", "a \"test\""}});
    const std::string data = le(1.f) + le(2.f) + le(3.f) + le(4.f) + le<int64_t>(5);
    writer.append(test::as_bytes(data).first(7));
    writer.append(test::as_bytes(data).subspan(7));
    EXPECT_FALSE(std::filesystem::exists(path)) << "nothing stands there before it is whole";
    writer.finish();
  }
  const auto file = SafetensorsFile::open(path);
  EXPECT_EQ(decoded(file->tensor("logits")), (std::vector<float>{1, 2, 3, 4}));
  EXPECT_EQ(file->tensor("logits").shape, (std::vector<int64_t>{2, 2}));
  EXPECT_EQ(file->integers("ids"), std::vector<int64_t>{5});
  EXPECT_EQ(file->metadata().at(0), (std::pair<std::string, std::string>("made by", "a \"test\"")));
  EXPECT_EQ(reinterpret_cast<uintptr_t>(file->find("logits")->bytes.data()) % 8, 0u);
}

TEST(SafetensorsFaults, B01_EmptyOrShortFile) {
  expect_bad("", {"m.safetensors", "0 bytes"});
  expect_bad("abc", {"m.safetensors", "3 bytes"});
}

TEST(SafetensorsFaults, B02_AnotherKindOfFile) {
  expect_bad("version https://git-lfs.github.com/spec/v1\n", {"m.safetensors", "Git LFS pointer"});
  expect_bad("<html><head></head></html>", {"HTML page"});
  expect_bad(std::string("PK\x03\x04") + std::string(40, 'x'), {"ZIP archive"});
  expect_bad(std::string(64, '\0'), {"zeros"});
}

TEST(SafetensorsFaults, B17_HeaderOversized) {
  expect_bad(le<uint64_t>(~uint64_t{0}) + "{}", {"m.safetensors", "18446744073709551615", "100000000"});
  expect_bad(le<uint64_t>(100) + "{}", {"truncated", "100 bytes", "2 follow"});
}

TEST(SafetensorsFaults, B17_HeaderThatIsNoObject) {
  expect_bad_header("{ ", 0, {"m.safetensors", "JSON"});
  expect_bad(le<uint64_t>(2) + "[]" + "  ", {"m.safetensors", "not a safetensors file"});
  expect_bad_header(R"({"a": 1})", 0, {"'a'", "an object"});
  expect_bad_header(R"({"__metadata__": 1})", 0, {"__metadata__"});
  expect_bad_header(R"({"__metadata__": {"k": 1}})", 0, {"__metadata__", "'k'"});
}

TEST(SafetensorsFaults, B17_HeaderPaddedWithNuls) {
  expect_bad_header(std::string("{}\0\0", 4), 0, {"m.safetensors", "JSON at byte 3"});
  const Parsed padded_with_spaces(safetensors_bytes("{}   ", ""));
  EXPECT_TRUE(padded_with_spaces.file->entries().empty());
}

TEST(SafetensorsFaults, B17_HeaderDeeplyNested) {
  const std::string deep = R"({"a":)" + std::string(100000, '[') + std::string(100000, ']') + "}";
  expect_bad_header(deep, 0, {"m.safetensors", "deeper"});
}

TEST(SafetensorsFaults, B17_DuplicateKeys) {
  expect_bad_header(
      R"({"a":{"dtype":"U8","shape":[0],"data_offsets":[0,0]},"a":{"dtype":"U8","shape":[0],"data_offsets":[0,0]}})",
      0, {"m.safetensors", "duplicate", "'a'"});
}

TEST(SafetensorsFaults, B17_FieldsMissingOrOfAnotherType) {
  expect_bad_header(R"({"a":{"shape":[1],"data_offsets":[0,4]}})", 4, {"'a'", "no dtype"});
  expect_bad_header(R"({"a":{"dtype":1,"shape":[1],"data_offsets":[0,4]}})", 4, {"'a'", "dtype", "a string"});
  expect_bad_header(R"({"a":{"dtype":"F32","data_offsets":[0,4]}})", 4, {"'a'", "no shape"});
  expect_bad_header(R"({"a":{"dtype":"F32","shape":[-1],"data_offsets":[0,4]}})", 4, {"'a'", "shape"});
  expect_bad_header(R"({"a":{"dtype":"F32","shape":[1.5],"data_offsets":[0,4]}})", 4, {"'a'", "shape"});
  expect_bad_header(R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[0]}})", 4, {"'a'", "data_offsets"});
  expect_bad_header(R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[0,-4]}})", 4, {"'a'", "data_offsets"});
  expect_bad_header(
      R"({"a":{"dtype":"F32","shape":[1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1],"data_offsets":[0,4]}})", 4,
      {"'a'", "17 dimensions"});
}

TEST(SafetensorsFaults, B18_BeginAfterEnd) {
  expect_bad_header(R"({"a":{"dtype":"U8","shape":[4],"data_offsets":[8,4]}})", 8, {"'a'", "8", "4"});
}

TEST(SafetensorsFaults, B18_GapsAndOverlaps) {
  expect_bad_header(R"({"a":{"dtype":"U8","shape":[4],"data_offsets":[4,8]}})", 8,
                    {"'a'", "begins at 4", "gap"});
  expect_bad_header(
      R"({"a":{"dtype":"U8","shape":[4],"data_offsets":[0,4]},"b":{"dtype":"U8","shape":[4],"data_offsets":[2,6]}})",
      6, {"'b'", "overlap"});
  expect_bad_header(R"({"a":{"dtype":"U8","shape":[4],"data_offsets":[0,4]}})", 6,
                    {"6 bytes", "2 belong to no tensor"});
}

TEST(SafetensorsFaults, B18_SizeMismatchTruncationAndOverflow) {
  expect_bad_header(R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[0,4]}})", 4,
                    {"'a'", "[2]", "8 bytes", "4"});
  expect_bad_header(R"({"a":{"dtype":"U8","shape":[8],"data_offsets":[0,8]}})", 5,
                    {"truncated", "'a'", "8", "5"});
  expect_bad_header(R"({"a":{"dtype":"U8","shape":[4294967296,4294967296],"data_offsets":[0,0]}})", 0,
                    {"'a'", "64 bits"});
  expect_bad_header(R"({"a":{"dtype":"U8","shape":[0,18446744073709551615],"data_offsets":[0,0]}})", 0,
                    {"'a'", "64 bits"});
}

TEST(SafetensorsFaults, B18_UnknownDtype) {
  expect_bad_header(R"({"a":{"dtype":"F17","shape":[1],"data_offsets":[0,4]}})", 4, {"'a'", "'F17'"});
  expect_bad(SafetensorsBytes().tensor("a", {2}, "F4", "x").build(), {"'a'", "F4"}, ErrorCode::kUnsupported);
}

TEST(SafetensorsFaults, B18_EveryTruncationIsRefused) {
  const std::string whole = SafetensorsBytes().f32_tensor("a", {3}).tensor("b", {2}, "F16", "wxyz").build();
  for (size_t n = 0; n < whole.size(); ++n) {
    const std::string cut = whole.substr(0, n);
    EXPECT_THROW(SafetensorsFile::parse(test::as_bytes(cut), "m"), Error) << n;
  }
}

TEST(SafetensorsFaults, B16_TruncatedWhileMapped) {
  const test::TemporaryFolder folder;
  const auto path = folder.write(
      "m.safetensors", SafetensorsBytes().tensor("a", {100'000}, "U8", std::string(100'000, 'x')).build());
  const auto file = SafetensorsFile::open(path);
  std::filesystem::resize_file(path, 4096);
  EXPECT_EQ(file->find("a")->bytes.back(), std::byte{0});
  EXPECT_FALSE(file->file().intact());
}

}  // namespace
}  // namespace ferrum
