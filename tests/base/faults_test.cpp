// docs/faults.md, held: a fault that is listed as tested has a test of its name.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <regex>
#include <string>

namespace ferrum {
namespace {

std::string contents(const std::filesystem::path& path) {
  std::ifstream in(path);
  return {std::istreambuf_iterator<char>(in), {}};
}

TEST(Faults, EachHasATestUnlessTheListSaysOtherwise) {
  const std::filesystem::path root = FERRUM_SOURCE_DIR;
  std::string tests;
  for (const auto& file : std::filesystem::recursive_directory_iterator(root / "tests"))
    if (file.path().extension() == ".cpp" && file.path().filename() != "faults_test.cpp")
      tests += contents(file);

  const std::string list = contents(root / "docs/faults.md");
  const std::regex row(R"(\| ([BN]\d+) \| [^\n]* \| ([^|\n]*) \|)");
  int rows = 0;
  for (std::sregex_iterator fault(list.begin(), list.end(), row), end; fault != end; ++fault, ++rows) {
    const std::string number = (*fault)[1];
    const bool tested = tests.find(number + "_") != std::string::npos;
    const bool without = (*fault)[2].str().find_first_not_of(' ') != std::string::npos;
    EXPECT_TRUE(tested || without) << number << " has no test, and docs/faults.md does not say so";
  }
  EXPECT_EQ(rows, 72 + 17);
}

}  // namespace
}  // namespace ferrum
