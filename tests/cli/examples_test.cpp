// The examples in every command's help: each parses, and those of quick commands are run unchanged.
#include <gtest/gtest.h>

#include <CLI/CLI.hpp>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <regex>

#include "cli/command.h"
#include "cli/manual/manual.h"
#include "support/files.h"
#include "support/paths.h"
#include "support/process.h"

namespace ferrum {
namespace {

namespace fs = std::filesystem;
using Words = std::vector<std::string>;

// The words of a line of shell up to its remark, a list for each part of a pipeline; files that it redirects
// to are none of them.
std::vector<Words> pipeline_of(const std::string& line) {
  std::vector<Words> parts(1);
  std::string word;
  char quote = 0;
  bool in_word = false, to_file = false;
  const auto end_word = [&] {
    if (in_word && !to_file) parts.back().push_back(word);
    if (in_word) to_file = false;
    word.clear();
    in_word = false;
  };
  for (const char c : line) {
    if (quote ? c == quote : c == '\'' || c == '"') {
      quote = quote ? 0 : c;
      in_word = true;
    } else if (quote || (c != ' ' && c != '|' && c != '<' && c != '>' && (c != '#' || in_word))) {
      word += c;
      in_word = true;
    } else {
      end_word();
      if (c == '#') break;
      if (c == '|') parts.emplace_back();
      if (c == '<' || c == '>') to_file = true;
    }
  }
  end_word();
  return parts;
}

// Lines that continue after a | are joined.
std::vector<std::string> whole_examples(const cli::CommandEntry& command) {
  std::vector<std::string> examples;
  bool goes_on = false;
  for (const std::string& line : command.examples) {
    if (goes_on)
      examples.back() += line;
    else
      examples.push_back(line);
    goes_on = line.ends_with('|');
  }
  return examples;
}

cli::Manual manual() {
  CLI::App app;
  cli::add_commands(app);
  return cli::manual_of(app);
}

struct Parsed {};  // thrown before a command does its work

TEST(Examples, EveryCommandHasSomeAndAllOfThemParse) {
  for (const cli::CommandEntry& command : manual().commands) {
    EXPECT_FALSE(command.examples.empty()) << command.name;
    EXPECT_FALSE(command.summary.empty()) << command.name;
    bool names_itself = false;
    for (const std::string& example : whole_examples(command))
      for (Words words : pipeline_of(example)) {
        if (words.empty() || words.front() != "ferrum") continue;
        CLI::App app;
        cli::add_commands(app);
        for (CLI::App* each : app.get_subcommands([](CLI::App*) { return true; }))
          each->parse_complete_callback([] { throw Parsed(); });
        words.erase(words.begin());
        names_itself = names_itself || words.front() == command.name;
        std::reverse(words.begin(), words.end());  // as CLI11 takes them
        EXPECT_THROW(app.parse(words), Parsed) << example;
        std::vector<std::string> rest = app.remaining(true);
        std::erase(rest, "--");  // which CLI11 keeps
        EXPECT_TRUE(rest.empty()) << example;
      }
    EXPECT_TRUE(names_itself) << command.name;
  }
}

// A folder with what the examples speak of, and `ferrum` in the path.
class Scene {
 public:
  Scene() {
    const fs::path folder = test::data("goldens") / "qwen3_256";
    fs::create_directory(path() / "hf-folder");
    for (const auto& file : fs::directory_iterator(folder))
      fs::create_symlink(file.path(), path() / "hf-folder" / file.path().filename());
    fs::create_symlink(folder / "config.json", path() / "config.json");
    for (const char* name : {"text.txt", "chats.txt"}) folder_.write(name, "Once upon a time");
    folder_.write("chat_template.jinja", "{{ messages[0].content }}");
    folder_.write("context.json", R"({"messages": [{"role": "user", "content": "Hi"}]})");
    fs::create_directory(path() / "bin");
    fs::create_symlink(FERRUM_BINARY, path() / "bin" / "ferrum");
  }
  const fs::path& path() const { return folder_.path(); }
  int run(const std::string& line) const {
    // Copies, and new ones each time: some examples write files of these names.
    for (const char* name : {"model.gguf", "small.gguf"})
      fs::copy_file(fs::path(FERRUM_SOURCE_DIR) / "models" / "demo-dense.gguf", path() / name,
                    fs::copy_options::overwrite_existing);
    return std::system(("cd '" + path().string() + "' && PATH=\"$PWD/bin:$PATH\" HOME=\"$PWD\" bash -c '" +
                        escaped(line) + "' >output 2>&1 </dev/null")
                           .c_str());
  }
  std::string output() const { return test::read_file(path() / "output"); }

 private:
  static std::string escaped(const std::string& line) {
    std::string out;
    for (const char c : line) out += c == '\'' ? std::string("'\\''") : std::string(1, c);
    return out;
  }

  test::TemporaryFolder folder_;
};

TEST(Examples, TheQuickOnesWork) {
  const Scene scene;
  int count = 0;
  for (const cli::CommandEntry& command : manual().commands) {
    const Words quick = {"tokenize", "detokenize", "template", "convert", "synthesize", "inspect", "help"};
    if (std::find(quick.begin(), quick.end(), command.name) == quick.end()) continue;
    for (const std::string& example : whole_examples(command)) {
      const bool needs_tokenizer = command.name == "tokenize" || command.name == "synthesize";
      if (needs_tokenizer && example.find("hf-folder") != std::string::npos) continue;  // which has none
      if (example.find("adapter-folder") != std::string::npos) continue;  // it fits another model
      // The model here has a context of 512.
      const std::string line = std::regex_replace(example, std::regex("32768"), "512");
      EXPECT_EQ(scene.run(line), 0) << line << "\n" << scene.output();
      ++count;
    }
  }
  EXPECT_GT(count, 12);
}

}  // namespace
}  // namespace ferrum
