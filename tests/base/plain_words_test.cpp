// Comments, messages and pages are plain English: words that read like a translation stay away.
#include <gtest/gtest.h>

#include <array>
#include <cctype>
#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>

#include "support/paths.h"

namespace ferrum {
namespace {

namespace fs = std::filesystem;

// Instead of these, name the subject or use the field's term: request, response, report, prefetch, evict.
constexpr std::array<std::string_view, 26> kUnclear = {
    "whoever",    "whomever",  "nobody",          "somebody",         "so many ",     "is told",
    "are told",   "was told",  "were told",       "be told",          "told of",      "told apart",
    "tells of ",  "tells how", "tells what",      "tells which",      "is asked",     "are asked",
    "was asked",  "asked for", "what comes next", "what comes after", "held against", "meets ",
    "those who ", "he who "};

enum class Kind { kNone, kCode, kShell, kText };

Kind kind_of(const fs::path& file) {
  const std::string name = file.extension().string();
  for (const std::string_view code : {".cpp", ".h", ".ts", ".tsx", ".mjs"})
    if (name == code) return Kind::kCode;
  for (const std::string_view text : {".md", ".css"})
    if (name == text) return Kind::kText;
  return name == ".cmake" || name == ".sh" || name.empty() ? Kind::kShell : Kind::kNone;
}

// The parts of a line of code that people read: its string literals and its comment.
std::string prose_of_code(const std::string& line) {
  std::string prose, literal;
  bool in_literal = false;
  for (size_t i = 0; i < line.size(); ++i) {
    if (!in_literal && line.compare(i, 2, "//") == 0) return prose + line.substr(i);
    if (in_literal && line[i] == '\\') {
      ++i;
    } else if (line[i] == '"') {
      if (in_literal) prose += literal + '\n';
      in_literal = !in_literal;
      literal.clear();
    } else if (in_literal) {
      literal += line[i];
    }
  }
  return prose;
}

std::string prose_of(const std::string& line, Kind kind) {
  if (kind == Kind::kCode) return prose_of_code(line);
  const size_t comment = kind == Kind::kText ? 0 : line.find("# ");
  return comment == std::string::npos ? "" : line.substr(comment);
}

// The first of these words that the line has; empty: none.
std::string_view unclear_word(const std::string& line, Kind kind) {
  std::string prose = prose_of(line, kind);
  for (char& c : prose) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  for (const std::string_view word : kUnclear)
    for (size_t at = prose.find(word); at != std::string::npos; at = prose.find(word, at + 1))
      if (at == 0 || !std::isalpha(static_cast<unsigned char>(prose[at - 1]))) return word;
  return {};
}

void expect_plain(const fs::path& file) {
  const Kind kind = kind_of(file);
  if (kind == Kind::kNone || file.filename() == "plain_words_test.cpp") return;
  std::ifstream in(file);
  std::string line;
  for (int number = 1; std::getline(in, line); ++number) {
    const std::string_view word = unclear_word(line, kind);
    EXPECT_TRUE(word.empty()) << file.string() << ':' << number << ": \"" << word << '"';
  }
}

bool is_ours(const fs::path& folder) {
  const std::string name = folder.filename().string();
  return name != "node_modules" && name != "data" && name != "licences" && name != "page";
}

TEST(PlainWords, OfSourcesTestsAndPages) {
  const fs::path root = FERRUM_SOURCE_DIR;
  for (const char* file :
       {"README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "dev", ".ci/run", ".ci/package"})
    expect_plain(root / file);
  for (const char* folder : {"bench", "cmake", "docs", "examples", "include", "packaging", "src", "tests",
                             "web/src", "web/test"}) {
    ASSERT_TRUE(fs::exists(root / folder)) << folder;
    for (auto entry = fs::recursive_directory_iterator(root / folder); entry != fs::end(entry); ++entry) {
      if (entry->is_directory() && !is_ours(entry->path())) entry.disable_recursion_pending();
      if (entry->is_regular_file()) expect_plain(entry->path());
    }
  }
}

TEST(PlainWords, AreReadFromCommentsLiteralsAndPages) {
  EXPECT_EQ(unclear_word("int tasks = 0;  // whoever reads", Kind::kCode), "whoever");
  EXPECT_EQ(unclear_word(R"(fail("{} was asked for");)", Kind::kCode), "was asked");
  EXPECT_EQ(unclear_word("is_told_apart[b] = asked_for(nobody);", Kind::kCode), "");
  EXPECT_EQ(unclear_word("setpriv --reuid nobody", Kind::kShell), "");
  EXPECT_EQ(unclear_word("run x  # Nobody needs it", Kind::kShell), "nobody");
  EXPECT_EQ(unclear_word("So many words.", Kind::kText), "so many ");
  EXPECT_EQ(unclear_word("She who basked forever", Kind::kText), "");
}

}  // namespace
}  // namespace ferrum
