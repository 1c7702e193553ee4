// Quotations in the documentation must match their sources.
#include <gtest/gtest.h>

#include <string>

#include "support/files.h"
#include "support/paths.h"

namespace ferrum {
namespace {

std::string source(const char* path) {
  return test::read_file(std::filesystem::path(FERRUM_SOURCE_DIR) / path);
}

// Each block of code in this language is a part of `original`, line by line.
void expect_quoted_truly(const std::string& page, const std::string& language, const std::string& original) {
  const std::string begin = "```" + language + "\n";
  int blocks = 0;
  for (size_t at = page.find(begin); at != std::string::npos; at = page.find(begin, at + 1)) {
    const size_t from = at + begin.size();
    const std::string block = page.substr(from, page.find("```", from) - from);
    EXPECT_NE(original.find(block), std::string::npos) << "not in the original:\n" << block;
    ++blocks;
  }
  EXPECT_GT(blocks, 0) << language;
}

TEST(Documentation, EmbeddingQuotesTheExample) {
  const std::string page = source("docs/embedding.md");
  expect_quoted_truly(page, "cpp", source("examples/embed/main.cpp"));
  expect_quoted_truly(page, "cmake", source("examples/embed/CMakeLists.txt"));
}

}  // namespace
}  // namespace ferrum
