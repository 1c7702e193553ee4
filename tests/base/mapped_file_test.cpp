#include "base/mapped_file.h"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>

#include "base/file_descriptor.h"
#include "support/errors.h"
#include "support/files.h"

namespace ferrum {
namespace {

namespace fs = std::filesystem;

class MappedFileTest : public ::testing::Test {
 protected:
  MappedFileTest() : path_(fs::temp_directory_path() / ("ferrum_mapped_" + std::to_string(getpid()))) {}
  ~MappedFileTest() override { fs::remove(path_); }

  void write(const std::string& text) { std::ofstream(path_, std::ios::binary) << text; }

  fs::path path_;
};

TEST_F(MappedFileTest, ShowsTheBytes) {
  write("hello");
  EXPECT_EQ(MappedFile::open(path_)->text(), "hello");
  write("");
  EXPECT_TRUE(MappedFile::open(path_)->bytes().empty());
}

TEST_F(MappedFileTest, NamesWhatCannotBeOpened) {
  test::expect_error(ErrorCode::kNotFound, {"no_such_file"}, [] { MappedFile::open("/no_such_file"); });
  test::expect_error(ErrorCode::kIo, {"not a regular file but a folder"}, [] { MappedFile::open("/"); });
  for (const char* device : {"/dev/zero", "/dev/null"})
    test::expect_error(ErrorCode::kIo, {device, "a device"}, [&] { MappedFile::open(device); });
  const test::TemporaryFolder folder;
  const auto fifo = folder.path() / "fifo";  // without a writer, for which open(2) would wait
  ASSERT_EQ(mkfifo(fifo.c_str(), 0600), 0);
  test::expect_error(ErrorCode::kIo, {fifo.string(), "a FIFO"}, [&] { MappedFile::open(fifo); });
  const auto socket_path = folder.path() / "socket";
  const FileDescriptor socket(::socket(AF_UNIX, SOCK_STREAM, 0));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  ASSERT_LT(socket_path.string().size(), sizeof address.sun_path);
  socket_path.string().copy(address.sun_path, sizeof address.sun_path);
  ASSERT_EQ(bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
  test::expect_error(ErrorCode::kIo, {socket_path.string(), "a socket"},
                     [&] { MappedFile::open(socket_path); });
}

TEST_F(MappedFileTest, OneFileTooManyIsRefusedAndLeavesNoMapping) {
  write("hello");
  const auto mappings = [&] {
    std::ifstream maps("/proc/self/maps");
    int count = 0;
    for (std::string line; std::getline(maps, line);) count += line.ends_with(path_.string());
    return count;
  };
  std::vector<std::shared_ptr<const MappedFile>> files;
  test::expect_error(ErrorCode::kIo, {"files mapped at once"}, [&] {
    for (int i = 0; i < 100'000; ++i) files.push_back(MappedFile::open(path_));
  });
  EXPECT_EQ(mappings(), static_cast<int>(files.size()));
  files.clear();
  EXPECT_EQ(MappedFile::open(path_)->text(), "hello");
}

TEST_F(MappedFileTest, ReleasedPagesCanBeReadAgain) {
  write(std::string(100000, 'x'));
  const auto file = MappedFile::open(path_);
  file->release(file->bytes());
  const std::vector<std::byte> other(size_t{1} << 20, std::byte{7});
  file->release(other);
  EXPECT_EQ(std::count(other.begin(), other.end(), std::byte{7}), 1 << 20) << "not this file's, so untouched";
  EXPECT_EQ(file->text()[99999], 'x');
  EXPECT_TRUE(file->intact());
}

TEST_F(MappedFileTest, B16_TruncatedWhileMapped) {
  write(std::string(1 << 20, 'x'));
  const auto file = MappedFile::open(path_);
  const auto other = MappedFile::open("/proc/self/exe");
  fs::resize_file(path_, 10);
  EXPECT_TRUE(file->intact());  // nothing was read yet
  size_t sum = 0;
  for (const char c : file->text()) sum += static_cast<unsigned char>(c);
  EXPECT_LT(sum, (size_t{1} << 20) * 'x');
  EXPECT_FALSE(file->intact());
  EXPECT_TRUE(other->intact()) << "the fault of one file is no other's";
}

}  // namespace
}  // namespace ferrum
