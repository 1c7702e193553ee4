// Clocks that people set say what time it is, never how long something took.
#include <gtest/gtest.h>

#include <filesystem>
#include <regex>
#include <set>
#include <string>

#include "support/files.h"

namespace ferrum {
namespace {

namespace fs = std::filesystem;

// Uses of the time of day: when an answer was made, and the date in a prompt.
const std::set<std::string> kTellTheTime = {"server/api/ids.cpp", "text/chat_template.h",
                                            "engine/tool_offer.cpp", "cli/template_command.cpp"};

TEST(ClockFaults, B68_DurationsAndDeadlinesAreMonotonic) {
  const std::regex wall_clock(
      "system_clock|high_resolution_clock|gettimeofday|CLOCK_REALTIME|\\bstd::time\\(|[^_:a-z]time\\("
      "nullptr");
  const fs::path src = fs::path(FERRUM_SOURCE_DIR) / "src";
  int files = 0;
  for (const auto& entry : fs::recursive_directory_iterator(src)) {
    if (entry.path().extension() != ".h" && entry.path().extension() != ".cpp") continue;
    const std::string name = fs::relative(entry.path(), src).generic_string();
    const bool uses = std::regex_search(test::read_file(entry.path()), wall_clock);
    EXPECT_EQ(uses, kTellTheTime.contains(name)) << name;
    ++files;
  }
  EXPECT_GT(files, 100);
}

}  // namespace
}  // namespace ferrum
