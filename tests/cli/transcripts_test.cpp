// The commands in the pages of docs/ produce the output shown there.
#include <gtest/gtest.h>

#include <cstdio>
#include <filesystem>
#include <regex>
#include <sstream>

#include "support/files.h"
#include "support/process.h"

namespace ferrum {
namespace {

// What differs from run to run, and the carriage returns of headers.
std::string normal(std::string text) {
  for (const auto& [what, instead] : {std::pair(R"x("(created|created_at|completed_at)":\d+)x", R"("$1":0)"),
                                      std::pair(R"x("(isa|products)":"[^"]*")x", R"("$1":"")"),
                                      std::pair(R"((cmpl|msg|resp|req)[-_]\w+)", "$1-0"),
                                      std::pair(R"(("[a-z_]+_bytes"):\d+)", "$1:0"), std::pair("\r", "")})
    text = std::regex_replace(text, std::regex(what), instead);
  while (text.ends_with('\n')) text.pop_back();
  return text;
}

std::string output_of(const std::string& command) {
  FILE* pipe = popen(command.c_str(), "r");
  std::string out;
  char buffer[4096];
  for (size_t n; pipe && (n = fread(buffer, 1, sizeof buffer, pipe)) > 0;) out.append(buffer, n);
  if (!pipe || pclose(pipe) != 0) out += "\n(the command failed)";
  return out;
}

struct Command {
  std::string line;    // or lines, each but the last with a backslash at its end
  std::string output;  // as the page has it
};

std::vector<Command> commands_of(const std::string& page) {
  std::vector<Command> commands;
  std::istringstream lines(page);
  bool inside = false;
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with("```")) {
      inside = line == "```console";
    } else if (inside && line.starts_with("$ ")) {
      commands.push_back({line.substr(2), ""});
    } else if (inside && commands.back().output.empty() && commands.back().line.ends_with('\\')) {
      commands.back().line += "\n" + line;
    } else if (inside) {
      commands.back().output += line + "\n";
    }
  }
  return commands;
}

TEST(Documentation, EveryTranscriptOfServingIsTrue) {
  if (output_of("command -v curl").find("curl") == std::string::npos) GTEST_SKIP() << "there is no curl";
  const std::filesystem::path source = FERRUM_SOURCE_DIR;
  test::Terminal server({"serve", source / "models" / "demo-dense.gguf", "--port", "0"});
  server.expect("listening at http://127.0.0.1:");
  const std::string port = server.expect(";");
  const std::string here = "127.0.0.1:" + port.substr(0, port.find(';'));
  const std::vector<Command> commands = commands_of(test::read_file(source / "docs" / "serving.md"));
  EXPECT_GT(commands.size(), 5u);
  for (const Command& command : commands) {
    const std::string there = std::regex_replace(command.line, std::regex("127\\.0\\.0\\.1:8000"), here);
    EXPECT_EQ(normal(output_of(there)), normal(command.output)) << command.line;
  }
}

// In a folder with the models, where `ferrum` is this one.
TEST(Documentation, EveryTranscriptOfStartAndRunningIsTrue) {
  namespace fs = std::filesystem;
  const test::TemporaryFolder folder;
  const fs::path source = FERRUM_SOURCE_DIR;
  fs::create_directory_symlink(source / "models", folder.path() / "models");
  fs::create_directory(folder.path() / "bin");
  fs::create_symlink(FERRUM_BINARY, folder.path() / "bin" / "ferrum");
  for (const char* page : {"start.md", "running.md"}) {
    const std::vector<Command> commands = commands_of(test::read_file(source / "docs" / page));
    EXPECT_GE(commands.size(), 2u) << page;
    for (const Command& command : commands) {
      const std::string there =
          "cd " + folder.path().string() + "; PATH=$PWD/bin:$PATH; { " + command.line + "; } 2>&1 || true";
      EXPECT_EQ(normal(output_of(there)), normal(command.output)) << page << ": " << command.line;
    }
  }
}

}  // namespace
}  // namespace ferrum
