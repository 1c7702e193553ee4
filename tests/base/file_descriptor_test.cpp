#include "base/file_descriptor.h"

#include <fcntl.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "support/files.h"

namespace ferrum {
namespace {

bool is_open(int number) { return ::fcntl(number, F_GETFD) != -1; }

TEST(FileDescriptor, IsClosedByItsLastOwner) {
  const test::TemporaryFolder folder;
  const int number = ::open(folder.write("a", "").c_str(), O_RDONLY | O_CLOEXEC);
  ASSERT_GE(number, 0);
  {
    FileDescriptor first(number);
    const FileDescriptor second(std::move(first));
    EXPECT_EQ(second.get(), number);
    EXPECT_TRUE(is_open(number));
  }
  EXPECT_FALSE(is_open(number));
}

TEST(FileDescriptor, KnowsWhetherItsFileIsStillThere) {
  const test::TemporaryFolder folder;
  const auto path = folder.write("a", "");
  const FileDescriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  EXPECT_TRUE(is_still_at(file.get(), path));
  std::filesystem::rename(path, folder.path() / "b");
  EXPECT_FALSE(is_still_at(file.get(), path));
  EXPECT_TRUE(is_still_at(file.get(), folder.path() / "b"));
  folder.write("a", "");
  EXPECT_FALSE(is_still_at(file.get(), path));
}

}  // namespace
}  // namespace ferrum
