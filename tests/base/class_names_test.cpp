// Two classes of one name in one namespace, in different sources: the linker keeps the functions of one of
// them and no compiler tells. Classes in unnamed namespaces are their sources' own.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <regex>
#include <string>

namespace ferrum {
namespace {

namespace fs = std::filesystem;

// Namespace and name of each class defined at the beginning of a line.
void add_classes(const fs::path& file, std::multimap<std::string, std::string>& found) {
  static const std::regex kNamespace(R"(namespace ([\w:]+) \{)");
  static const std::regex kClass(R"((class|struct)( \[\[\w+\]\])? (\w+)( final)?( : .*)? \{.*)");
  std::ifstream in(file);
  std::string line, space;
  bool unnamed = false;
  while (std::getline(in, line)) {
    std::smatch match;
    if (line.starts_with("namespace {")) unnamed = true;
    if (line == "}  // namespace") unnamed = false;
    if (std::regex_match(line, match, kNamespace)) space = match[1];
    if (!unnamed && std::regex_match(line, match, kClass))
      found.emplace(space + "::" + match[3].str(), file.string());
  }
}

TEST(ClassNames, NoneIsDefinedTwice) {
  std::multimap<std::string, std::string> found;
  for (const auto& entry : fs::recursive_directory_iterator(fs::path(FERRUM_SOURCE_DIR) / "src"))
    if (entry.path().extension() == ".h" || entry.path().extension() == ".cpp")
      add_classes(entry.path(), found);
  EXPECT_GT(found.size(), 300u) << "the walk found too little to mean anything";
  for (auto at = found.begin(); at != found.end(); at = found.upper_bound(at->first))
    EXPECT_EQ(found.count(at->first), 1u) << at->first << " in " << at->second << " and elsewhere";
}

}  // namespace
}  // namespace ferrum
