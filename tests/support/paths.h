// Where tests find their data.
#pragma once
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>

namespace ferrum::test {

// Data of the project's own, committed under tests/data.
inline std::filesystem::path data(const std::filesystem::path& relative) {
  return std::filesystem::path(FERRUM_SOURCE_DIR) / "tests" / "data" / relative;
}

// Data that comes from elsewhere lies beside the checkout, or where FERRUM_SHARED says.
inline std::filesystem::path shared(const std::filesystem::path& relative) {
  const char* override_path = std::getenv("FERRUM_SHARED");
  const auto root = override_path ? std::filesystem::path(override_path)
                                  : std::filesystem::path(FERRUM_SOURCE_DIR) / ".." / "shared";
  return root / relative;
}

}  // namespace ferrum::test

// Skips the running test, visibly, where data from elsewhere is not on this machine.
#define FERRUM_NEEDS_SHARED(relative)                             \
  if (!std::filesystem::exists(::ferrum::test::shared(relative))) \
  GTEST_SKIP() << "needs " << ::ferrum::test::shared(relative).string()
