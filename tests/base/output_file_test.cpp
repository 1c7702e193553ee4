#include "base/output_file.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <fstream>
#include <string>
#include <thread>

#include "base/error.h"
#include "support/files.h"

namespace ferrum {
namespace {

namespace fs = std::filesystem;

std::span<const std::byte> bytes_of(std::string_view text) { return std::as_bytes(std::span(text)); }

class OutputFileTest : public testing::Test {
 protected:
  fs::path target() const { return folder_.path() / "model.gguf"; }
  void put_old() const { std::ofstream(target()) << "old"; }
  int files() const { return static_cast<int>(std::distance(fs::directory_iterator(folder_.path()), {})); }

  std::string message_of(const auto& action) const {
    try {
      action();
    } catch (const Error& e) {
      EXPECT_EQ(e.code(), ErrorCode::kIo);
      return e.what();
    }
    return "no error";
  }

  test::TemporaryFolder folder_;
};

TEST_F(OutputFileTest, ReplacesTheTargetOnCommit) {
  put_old();
  OutputFile file(target(), 6);
  file.write(bytes_of("new"));
  EXPECT_EQ(test::read_file(target()), "old");
  file.write(bytes_of("est"));
  EXPECT_EQ(file.written(), 6u);
  file.commit();
  EXPECT_EQ(test::read_file(target()), "newest");
  EXPECT_EQ(files(), 1);
}

TEST_F(OutputFileTest, ARelativeNameWithoutAFolder) {
  const fs::path before = fs::current_path();
  fs::current_path(folder_.path());
  {
    OutputFile file("plain", 1);
    file.write(bytes_of("x"));
    file.commit();
  }
  fs::current_path(before);
  EXPECT_EQ(test::read_file(folder_.path() / "plain"), "x");
}

using OutputFileFaults = OutputFileTest;

TEST_F(OutputFileFaults, B61_FailureLeavesTheOldFileAndNothingElse) {
  put_old();
  try {
    OutputFile file(target(), 3);
    file.write(bytes_of("new"));
    throw std::runtime_error("something else went wrong");
  } catch (const std::runtime_error&) {
  }
  EXPECT_EQ(test::read_file(target()), "old");
  EXPECT_EQ(files(), 1);
}

TEST_F(OutputFileFaults, APipeInThePlaceOfThePartialFileIsNotWaitedFor) {
  const std::string partial = target().string() + ".partial";
  ASSERT_EQ(mkfifo(partial.c_str(), 0600), 0);
  EXPECT_NE(
      message_of([&] { OutputFile file(target(), 0); }).find("cannot open 'model.gguf.partial' beside it"),
      std::string::npos);
  const int reader = ::open(partial.c_str(), O_RDONLY | O_NONBLOCK);
  EXPECT_NE(message_of([&] { OutputFile file(target(), 0); }).find("is not a regular file"),
            std::string::npos);
  ::close(reader);
}

TEST_F(OutputFileFaults, B61_AKillLeavesTheOldFileAndTheNextRunSucceeds) {
  put_old();
  const pid_t child = ::fork();
  if (child == 0) {
    OutputFile file(target(), 0);
    file.write(bytes_of("a longer beginning of the new file"));
    ::raise(SIGKILL);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  ASSERT_TRUE(WIFSIGNALED(status));
  EXPECT_EQ(test::read_file(target()), "old");
  OutputFile file(target(), 3);
  file.write(bytes_of("new"));
  file.commit();
  EXPECT_EQ(test::read_file(target()), "new");
  EXPECT_EQ(files(), 1);
}

TEST_F(OutputFileFaults, B61_TwoWritersOfOneTarget) {
  OutputFile first(target(), 0);
  first.write(bytes_of("first"));
  EXPECT_NE(message_of([&] { OutputFile second(target(), 0); }).find("another process is writing"),
            std::string::npos);
  first.commit();
  EXPECT_EQ(test::read_file(target()), "first");
}

TEST_F(OutputFileFaults, B62_NoRoomIsSaidBeforeAnythingIsWritten) {
  put_old();
  constexpr uint64_t kTooMuch = uint64_t{1} << 60;
  const std::string message = message_of([&] { OutputFile file(target(), kTooMuch); });
  EXPECT_NE(message.find("needs 1152921504606846976 bytes, but its disk has "), std::string::npos) << message;
  EXPECT_NE(message.find("model.gguf"), std::string::npos) << message;
  EXPECT_EQ(test::read_file(target()), "old");
  EXPECT_EQ(files(), 1);
}

TEST_F(OutputFileFaults, B62_TheSystemRefusesInTheMiddle) {
  put_old();
  rlimit old_limit{};
  ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &old_limit), 0);
  const auto old_handler = std::signal(SIGXFSZ, SIG_IGN);
  const std::string message = message_of([&] {
    OutputFile file(target(), 0);
    rlimit limit = old_limit;
    limit.rlim_cur = 1000;
    ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &limit), 0);
    file.write(bytes_of(std::string(5000, 'x')));
  });
  ::setrlimit(RLIMIT_FSIZE, &old_limit);
  std::signal(SIGXFSZ, old_handler);
  EXPECT_EQ(message, "'" + target().string() + "': writing stopped after 1000 bytes: File too large");
  EXPECT_EQ(test::read_file(target()), "old");
  EXPECT_EQ(files(), 1);
}

// Renaming over a device would take it from everyone: a device, socket or pipe is no target.
TEST_F(OutputFileFaults, WhatIsNoFileIsNotReplaced) {
  ASSERT_EQ(mkfifo(target().c_str(), 0600), 0);
  EXPECT_NE(message_of([&] { OutputFile(target(), 0).commit(); }).find("is not a regular file"),
            std::string::npos);
  EXPECT_TRUE(fs::is_fifo(target()));
  const fs::path link = folder_.path() / "link";
  fs::create_symlink(target(), link);
  EXPECT_NE(message_of([&] { OutputFile(link, 0).commit(); }).find("is not a regular file"),
            std::string::npos);
}

TEST_F(OutputFileFaults, BadTargets) {
  EXPECT_NE(message_of([&] { OutputFile file(folder_.path(), 0); }).find("is a folder"), std::string::npos);
  const std::string absent = (folder_.path() / "absent" / "x").string();
  EXPECT_EQ(message_of([&] { OutputFile file(absent, 0); }),
            "'" + absent + "': cannot create it: No such file or directory");
}

TEST_F(OutputFileFaults, WhatIsInTheWayOfThePartialFileIsNamed) {
  fs::create_directory(target().string() + ".partial");
  const std::string message = message_of([&] { OutputFile file(target(), 0); });
  EXPECT_TRUE(message.starts_with("'" + target().string() + "': ")) << message;
  EXPECT_NE(message.find("cannot open 'model.gguf.partial' beside it: Is a directory"), std::string::npos)
      << message;
}

TEST_F(OutputFileFaults, B61_AProcessThatEndsItselfLeavesNothing) {
  put_old();
  const pid_t child = ::fork();
  if (child == 0) {
    OutputFile committed(folder_.path() / "committed", 0);
    committed.commit();
    OutputFile file(target(), 0);
    OutputFile other(folder_.path() / "other", 0);
    file.write(bytes_of("a beginning"));
    OutputFile::end_process(42);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  ASSERT_TRUE(WIFEXITED(status));
  EXPECT_EQ(WEXITSTATUS(status), 42);
  EXPECT_EQ(test::read_file(target()), "old");
  EXPECT_EQ(files(), 2);
}

TEST_F(OutputFileFaults, AProcessDoesNotEndWithinAWriteThatDelaysIt) {
  constexpr int kWrites = 10'000;
  int ends[2] = {};
  ASSERT_EQ(::pipe(ends), 0);
  const pid_t child = ::fork();
  if (child == 0) {
    auto held = OutputFile::delay_end();
    std::thread ender([] { OutputFile::end_process(42); });
    for (int i = 0; i < kWrites; ++i)
      if (::write(ends[1], "x", 1) != 1) ::_exit(1);
    held.unlock();
    ender.join();
  }
  ::close(ends[1]);
  std::string written(kWrites + 1, ' ');
  size_t count = 0;
  for (ssize_t n = 0; (n = ::read(ends[0], written.data(), written.size())) > 0;)
    count += static_cast<size_t>(n);
  ::close(ends[0]);
  EXPECT_EQ(count, static_cast<size_t>(kWrites));
  int status = 0;
  ::waitpid(child, &status, 0);
  ASSERT_TRUE(WIFEXITED(status));
  EXPECT_EQ(WEXITSTATUS(status), 42);
}

TEST_F(OutputFileFaults, AFolderIsThereWholeOrNotAtAll) {
  const fs::path folder = folder_.path() / "folder";
  {
    OutputFolder failed(folder);
    OutputFile(failed.path() / "file", 0).commit();
    EXPECT_FALSE(fs::exists(folder));
    EXPECT_NE(message_of([&] { OutputFolder other(folder); }).find("another process"), std::string::npos);
  }
  EXPECT_TRUE(fs::is_empty(folder_.path()));
  OutputFolder written(folder_.path() / "folder/");
  OutputFile(written.path() / "file", 0).commit();
  written.commit();
  EXPECT_TRUE(fs::exists(folder / "file"));
  EXPECT_NE(message_of([&] { OutputFolder again(folder); }).find("is there already"), std::string::npos);
  EXPECT_NE(message_of([&] { OutputFolder absent(folder_.path() / "absent" / "x"); }).find("cannot create"),
            std::string::npos);
}

TEST_F(OutputFileFaults, AFolderOfAProcessThatEndsItselfIsGone) {
  const pid_t child = ::fork();
  if (child == 0) {
    OutputFolder folder(folder_.path() / "folder");
    OutputFile(folder.path() / "committed", 0).commit();
    OutputFile begun(folder.path() / "begun", 0);
    OutputFile::end_process(42);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  EXPECT_EQ(WEXITSTATUS(status), 42);
  EXPECT_TRUE(fs::is_empty(folder_.path()));
}

}  // namespace
}  // namespace ferrum
