#include "checkpoint/gguf/gguf.h"

#include <gtest/gtest.h>

#include "support/errors.h"
#include "support/file_bytes.h"
#include "support/paths.h"

namespace ferrum {
namespace {

using test::expect_error;
using test::GgufBytes;
using test::le;
namespace gguf = test::gguf;

// The file keeps views into the bytes, so both stay here.
struct Parsed {
  explicit Parsed(std::string b)
      : bytes(std::move(b)), file(GgufFile::parse(test::as_bytes(bytes), "m.gguf")) {}
  const GgufMetadata& metadata() const { return file->metadata(); }
  std::string bytes;
  std::unique_ptr<GgufFile> file;
};

void expect_bad(const std::string& bytes, std::initializer_list<std::string_view> words,
                ErrorCode code = ErrorCode::kBadFile) {
  expect_error(code, words, [&] { GgufFile::parse(test::as_bytes(bytes), "m.gguf"); });
}

TEST(Gguf, EveryScalarTypeIsRead) {
  GgufBytes b;
  b.pair("u8", gguf::kU8, le<uint8_t>(200)).pair("i8", gguf::kI8, le<int8_t>(-100));
  b.pair("u16", gguf::kU16, le<uint16_t>(60000)).pair("i16", gguf::kI16, le<int16_t>(-30000));
  b.pair("u32", gguf::kU32, le<uint32_t>(4000000000)).pair("i32", gguf::kI32, le<int32_t>(-2000000000));
  b.pair("u64", gguf::kU64, le<uint64_t>(1ull << 63)).pair("i64", gguf::kI64, le<int64_t>(-5));
  b.f32("f32", 0.5f).pair("f64", gguf::kF64, le<double>(0.1)).boolean("yes", 1).string("text", "häß");
  const Parsed p(b.build());
  const GgufMetadata& m = p.metadata();
  EXPECT_EQ(m.unsigned_integer("u8"), 200u);
  EXPECT_EQ(m.integer("i8"), -100);
  EXPECT_EQ(m.unsigned_integer("u16"), 60000u);
  EXPECT_EQ(m.integer("i16"), -30000);
  EXPECT_EQ(m.integer("u32"), 4000000000);
  EXPECT_EQ(m.integer("i32"), -2000000000);
  EXPECT_EQ(m.unsigned_integer("u64"), uint64_t{1} << 63);
  EXPECT_EQ(m.integer("i64"), -5);
  EXPECT_EQ(m.number("f32"), 0.5);
  EXPECT_EQ(m.number("f64"), 0.1);
  EXPECT_EQ(m.number("u8"), 200.0);
  EXPECT_EQ(m.boolean("yes"), true);
  EXPECT_EQ(m.string("text"), "häß");
  EXPECT_EQ(m.string("absent"), std::nullopt);
  EXPECT_FALSE(m.has("absent"));
  EXPECT_EQ(m.entries().size(), 12u);
  EXPECT_EQ(m.entries()[1].first, "i8");
}

TEST(Gguf, ArraysAreRead) {
  GgufBytes b;
  b.strings("s", {"a", "", "\xFF"})
      .array<float>("f", gguf::kF32, {1, 2})
      .array<int32_t>("i", gguf::kI32, {-1});
  b.array<uint8_t>("b", gguf::kBool, {0, 1})
      .array<uint16_t>("u", gguf::kU16, {})
      .array<double>("d", gguf::kF64, {3});
  const Parsed p(b.build());
  const GgufMetadata& m = p.metadata();
  ASSERT_EQ(m.strings("s")->size(), 3u);
  EXPECT_EQ((*m.strings("s"))[2], "\xFF") << "tokens need not be UTF-8";
  EXPECT_EQ(m.floats("f"), (std::vector<float>{1, 2}));
  EXPECT_EQ(m.floats("d"), (std::vector<float>{3}));
  EXPECT_EQ(m.integers("i"), (std::vector<int64_t>{-1}));
  EXPECT_EQ(m.integers("b"), (std::vector<int64_t>{0, 1}));
  EXPECT_EQ(m.integers("u"), (std::vector<int64_t>{}));
}

TEST(Gguf, TensorsHaveTheirShapeOutermostFirstAndTheirBytes) {
  GgufBytes b;
  b.f32_tensor("norm", {3}, 1.5f).tensor("q", {2, 32}, gguf::kTensorQ4_0, std::string(36, 'x'));
  const Parsed p(b.build());
  ASSERT_EQ(p.file->tensors().size(), 2u);
  const HostTensor& q = p.file->tensors()[1];
  EXPECT_EQ(q.name, "q");
  EXPECT_EQ(q.format, Format::kQ4_0);
  EXPECT_EQ(q.shape, (std::vector<int64_t>{2, 32}));
  EXPECT_EQ(q.bytes.size(), 36u);
  EXPECT_EQ(q.bytes[35], std::byte{'x'});
  float first = 0;
  std::memcpy(&first, p.file->tensors()[0].bytes.data(), 4);
  EXPECT_EQ(first, 1.5f);
}

TEST(Gguf, Version2AndAnotherAlignmentAreRead) {
  GgufBytes b;
  b.version = 2;
  b.alignment = 64;
  b.u32("general.alignment", 64).f32_tensor("a", {1}, 1).f32_tensor("b", {1}, 2);
  const Parsed p(b.build());
  EXPECT_EQ(p.file->version(), 2);
  EXPECT_EQ(p.file->alignment(), 64u);
  float second = 0;
  std::memcpy(&second, p.file->tensors()[1].bytes.data(), 4);
  EXPECT_EQ(second, 2);
}

TEST(Gguf, ARealFileIsRead) {
  FERRUM_NEEDS_SHARED("models/stories260K/stories260K-f32.gguf");
  const auto file = GgufFile::open(test::shared("models/stories260K/stories260K-f32.gguf"));
  EXPECT_EQ(file->metadata().string("general.architecture"), "llama");
  EXPECT_EQ(file->metadata().strings("tokenizer.ggml.tokens")->size(), 512u);
  EXPECT_GT(file->tensors().size(), 40u);
}

TEST(Gguf, VocabularyFilesWithoutTensorsAreRead) {
  for (const char* name : {"llama-spm", "gpt-2", "bert-bge"}) {
    FERRUM_NEEDS_SHARED(std::string("tokenizers/vectors/") + name + ".gguf");
    const auto file = GgufFile::open(test::shared(std::string("tokenizers/vectors/") + name + ".gguf"));
    EXPECT_TRUE(file->tensors().empty());
    EXPECT_GT(file->metadata().strings("tokenizer.ggml.tokens")->size(), 30000u);
  }
}

TEST(GgufFaults, B01_EmptyOrShortFile) {
  expect_bad("", {"m.gguf", "0 bytes"});
  expect_bad("GGUF", {"m.gguf", "4 bytes"});
}

TEST(GgufFaults, B02_WrongMagic) {
  expect_bad("version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 5\n",
             {"m.gguf", "Git LFS pointer"});
  expect_bad("<!DOCTYPE html><html><body>404</body></html>", {"HTML page"});
  expect_bad("PK\x03\x04" + std::string(60, 'x'), {"ZIP archive"});
  expect_bad(std::string(100, '\0'), {"zeros"});
  expect_bad("\x1b[31mno such thing, really\n", {"m.gguf", "\\x1b[31mno"});
}

TEST(GgufFaults, B03_UnknownVersionOrByteOrder) {
  GgufBytes b;
  b.version = 1;
  expect_bad(b.build(), {"m.gguf", "version 1"}, ErrorCode::kUnsupported);
  b.version = 4;
  expect_bad(b.build(), {"version 4"}, ErrorCode::kUnsupported);
  b.version = 0x03000000;
  expect_bad(b.build(), {"big-endian"}, ErrorCode::kUnsupported);
  b.magic = 0x47475546;
  expect_bad(b.build(), {"big-endian"}, ErrorCode::kUnsupported);
}

TEST(GgufFaults, B04_CountsOfTwoToThe63) {
  GgufBytes b;
  b.pair_count = uint64_t{1} << 63;
  expect_bad(b.build(), {"m.gguf", "metadata keys", "9223372036854775808"});
  GgufBytes c;
  c.tensor_count = uint64_t{1} << 63;
  expect_bad(c.build(), {"m.gguf", "tensors", "9223372036854775808"});
  GgufBytes d;
  d.u32("a", 1).pair_count = 2;
  expect_bad(d.build(), {"metadata keys", "2"});
}

TEST(GgufFaults, B05_StringLongerThanTheFile) {
  GgufBytes b;
  b.pair("name", gguf::kString, le<uint64_t>(~uint64_t{0}));
  expect_bad(b.build(), {"m.gguf", "'name'", "18446744073709551615"});
  GgufBytes c;
  c.string("name", "text");
  std::string bytes = c.build();
  bytes.pop_back();
  expect_bad(bytes, {"'name'", "needs 4 bytes", "only 3"});
}

TEST(GgufFaults, B05_EmptyBrokenOrDuplicateKeys) {
  expect_bad(GgufBytes().u32("", 1).build(), {"metadata key 0", "empty"});
  expect_bad(GgufBytes().u32("a", 1).u32("\xC3(", 1).build(), {"metadata key 1", "UTF-8", "\\xc3"});
  expect_bad(GgufBytes().u32("a", 1).u32("a", 1).build(), {"duplicate", "'a'"});
  expect_bad(GgufBytes().u32(std::string(70000, 'k'), 1).build(), {"metadata key 0", "70000"});
}

TEST(GgufFaults, B06_ArrayCountOverflowing) {
  for (const uint32_t type : {gguf::kU8, gguf::kU64, gguf::kString}) {
    GgufBytes b;
    b.pair("list", gguf::kArray, le(type) + le((uint64_t{1} << 61) + 1) + std::string(64, '\0'));
    expect_bad(b.build(), {"m.gguf", "'list'", "2305843009213693953"});
  }
  GgufBytes many;
  many.pair("list", gguf::kArray,
            le<uint32_t>(gguf::kU8) + le<uint64_t>(20'000'000) + std::string(20'000'000, '\0'));
  expect_bad(many.build(), {"'list'", "16777216"});
}

TEST(GgufFaults, B06_NestedArrays) {
  GgufBytes b;
  b.pair("list", gguf::kArray, le<uint32_t>(gguf::kArray) + le<uint64_t>(1) + std::string(64, '\0'));
  expect_bad(b.build(), {"'list'", "array of arrays"}, ErrorCode::kUnsupported);
}

TEST(GgufFaults, B06_UnknownValueTypes) {
  expect_bad(GgufBytes().pair("a", 13, std::string(8, '\0')).build(), {"'a'", "unknown type 13"});
  expect_bad(GgufBytes().pair("a", gguf::kArray, le<uint32_t>(99) + le<uint64_t>(0)).build(),
             {"'a'", "unknown type 99"});
  expect_bad(GgufBytes().boolean("a", 2).build(), {"'a'", "bool", "2"});
}

TEST(GgufFaults, B07_KnownKeyOfAnotherType) {
  GgufBytes b;
  b.u32("n", 1).string("s", "x").f32("f", 1).array<int32_t>("i", gguf::kI32, {1});
  b.pair("big", gguf::kU64, le<uint64_t>(~uint64_t{0})).pair("neg", gguf::kI8, le<int8_t>(-1));
  const Parsed p(b.build());
  const GgufMetadata& m = p.metadata();
  const auto bad = [](auto body, std::initializer_list<std::string_view> words) {
    expect_error(ErrorCode::kBadFile, words, body);
  };
  bad([&] { m.string("n"); }, {"m.gguf", "'n'", "a string", "an unsigned integer"});
  bad([&] { m.unsigned_integer("s"); }, {"'s'", "integer", "a string"});
  bad([&] { m.unsigned_integer("neg"); }, {"'neg'", "not negative"});
  bad([&] { m.integer("f"); }, {"'f'", "integer", "a float"});
  bad([&] { m.integer("big"); }, {"'big'"});
  bad([&] { m.number("s"); }, {"'s'", "a number"});
  bad([&] { m.boolean("n"); }, {"'n'", "a bool"});
  bad([&] { m.strings("i"); }, {"'i'", "an array of strings", "an array of int32"});
  bad([&] { m.floats("i"); }, {"'i'", "an array of floats"});
  bad([&] { m.integers("n"); }, {"'n'", "an array of integers"});
  expect_bad(GgufBytes().string("general.alignment", "32").build(),
             {"'general.alignment'", "integer", "a string"});
}

TEST(GgufFaults, B08_BadAlignment) {
  expect_bad(GgufBytes().u32("general.alignment", 0).build(), {"general.alignment is 0"});
  expect_bad(GgufBytes().u32("general.alignment", 48).build(), {"general.alignment is 48"});
  expect_bad(GgufBytes().u32("general.alignment", 1u << 31).build(), {"general.alignment is 2147483648"});
}

TEST(GgufFaults, B09_ShapesThatCannotBe) {
  expect_bad(GgufBytes().tensor("t", {}, gguf::kTensorF32, "").build() + std::string(64, '\0'),
             {"'t'", "0 dimensions"});
  expect_bad(GgufBytes().tensor("t", {1, 1, 1, 1, 1}, gguf::kTensorF32, "").build(), {"'t'", "5 dimensions"});
  expect_bad(GgufBytes().tensor("t", {4, 0}, gguf::kTensorF32, "").build(), {"'t'", "is 0"});
  expect_bad(GgufBytes().tensor("t", {uint64_t{1} << 40, uint64_t{1} << 40}, gguf::kTensorF32, "").build(),
             {"'t'", "more elements"});
  expect_bad(GgufBytes().tensor("t", {~uint64_t{0}}, gguf::kTensorF32, "").build(), {"'t'", "more elements"});
  expect_bad(GgufBytes().tensor("t", {2, 33}, gguf::kTensorQ4_0, "").build(),
             {"'t'", "[2, 33]", "Q4_0", "32"});
}

TEST(GgufFaults, B10_UnknownTensorType) {
  expect_bad(GgufBytes().tensor("t", {256}, 15, "").build(), {"'t'", "Q8_K", "15"}, ErrorCode::kUnsupported);
  expect_bad(GgufBytes().tensor("t", {256}, 4711, "").build(), {"'t'", "4711"}, ErrorCode::kUnsupported);
}

TEST(GgufFaults, B11_OffsetsUnalignedOverlappingOrPastTheEnd) {
  const std::string data(128, 'x');
  expect_bad(GgufBytes().tensor("t", {4}, gguf::kTensorF32, data, 4).build(),
             {"'t'", "offset 4", "alignment 32"});
  expect_bad(GgufBytes()
                 .tensor("a", {16}, gguf::kTensorF32, data, 0)
                 .tensor("b", {16}, gguf::kTensorF32, data, 32)
                 .build(),
             {"'a'", "'b'", "overlap"});
  expect_bad(GgufBytes().tensor("t", {4}, gguf::kTensorF32, data, 1024).build(),
             {"'t'", "16 bytes", "1024", "128"});
  expect_bad(GgufBytes().tensor("t", {4}, gguf::kTensorF32, data, ~uint64_t{0} - 31).build(),
             {"'t'", "truncated"});
}

TEST(GgufFaults, B11_TruncatedDataNamesNeededAndPresentBytes) {
  std::string bytes = GgufBytes().f32_tensor("t", {64}).build();
  bytes.resize(bytes.size() - 7);
  expect_bad(bytes, {"m.gguf", "truncated", "'t'", "256 bytes", "249 bytes"});
}

TEST(GgufFaults, B11_EveryTruncationIsRefused) {
  const std::string whole = GgufBytes().u32("a", 1).strings("s", {"x", "y"}).f32_tensor("t", {8}).build();
  for (size_t n = 0; n < whole.size(); ++n) {
    const std::string cut = whole.substr(0, n);
    EXPECT_THROW(GgufFile::parse(test::as_bytes(cut), "m.gguf"), Error) << n;
  }
}

TEST(GgufFaults, B12_DuplicateOrNamelessTensors) {
  expect_bad(GgufBytes().f32_tensor("t", {1}).f32_tensor("t", {1}).build(), {"duplicate tensor 't'"});
  expect_bad(GgufBytes().f32_tensor("", {1}).build(), {"name of tensor 0", "empty"});
}

TEST(GgufFaults, B16_TruncatedWhileMapped) {
  const test::TemporaryFolder folder;
  const auto path = folder.write("m.gguf", GgufBytes().f32_tensor("t", {65536}, 1).build());
  const auto file = GgufFile::open(path);
  EXPECT_TRUE(file->file().intact());
  std::filesystem::resize_file(path, 4096);
  const HostTensor& t = file->tensors()[0];
  EXPECT_EQ(t.bytes[t.bytes.size() - 1], std::byte{0}) << "missing pages read as zeros";
  EXPECT_FALSE(file->file().intact());
}

}  // namespace
}  // namespace ferrum
