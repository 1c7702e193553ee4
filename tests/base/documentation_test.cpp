// Quotations in the documentation must match their sources.
#include <gtest/gtest.h>

#include <filesystem>
#include <regex>
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

// The literals of all sources, where a literal that goes on in the next line is one.
std::string literals() {
  std::string all;
  const std::regex joint("\"\\s*\n\\s*\"");
  for (const auto& entry :
       std::filesystem::recursive_directory_iterator(std::filesystem::path(FERRUM_SOURCE_DIR) / "src"))
    if (entry.path().extension() == ".cpp" || entry.path().extension() == ".h")
      all += std::regex_replace(test::read_file(entry.path()), joint, "");
  return all;
}

// Three words in a row that the sources have. Names and numbers of the example are no words of theirs.
bool is_printed(const std::string& message, const std::string& sources) {
  const std::regex words(R"(\b(?=([a-z]+ [a-z]+,? [a-z]+)))");
  for (std::sregex_iterator at(message.begin(), message.end(), words), end; at != end; ++at)
    if (sources.find((*at)[1].str()) != std::string::npos) return true;
  return false;
}

TEST(Documentation, TroubleshootingQuotesMessagesThatArePrinted) {
  const std::string sources = literals();
  const std::string page = source("docs/troubleshooting.md");
  const std::regex row(R"(\n\| ([^\n]*?) \| )");
  const std::regex quoted(R"(`([^`]+)`)");
  const std::regex words(R"([a-z]+ [a-z]+,? [a-z]+)");
  int messages = 0;
  for (std::sregex_iterator at(page.begin(), page.end(), row), end; at != end; ++at) {
    const std::string cell = (*at)[1];
    if (cell.find("(from the system)") != std::string::npos) continue;
    for (std::sregex_iterator span(cell.begin(), cell.end(), quoted); span != std::sregex_iterator();
         ++span) {
      const std::string message = (*span)[1];
      if (!std::regex_search(message, words)) continue;
      ++messages;
      EXPECT_TRUE(is_printed(message, sources)) << message;
    }
  }
  EXPECT_GE(messages, 15);
}

}  // namespace
}  // namespace ferrum
