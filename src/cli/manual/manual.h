// The commands and their options as plain data: the one table that help, man pages and completions are made
// of.
#pragma once
#include <string>
#include <vector>

namespace CLI {
class App;
}

namespace ferrum::cli {

// The kind of a value, for completion. A model is a file, a folder or a name; kModelName is a name only.
enum class ValueKind { kNone, kText, kChoice, kFile, kModel, kModelName, kCommand };

struct OptionEntry {
  std::vector<std::string> names;  // "-n", "--max-tokens"; none: an argument by its place
  std::string value;               // what stands for its value, "N", or the argument's name; empty: a flag
  ValueKind kind = ValueKind::kNone;
  std::vector<std::string> choices;  // of kChoice
  std::string help;
  std::string group;          // heading that it stands under
  std::string default_value;  // empty: not shown
  std::string environment;    // variable that sets it too; empty: none
  std::vector<std::string> excludes;
  std::vector<std::string> needs;
  bool required = false;
  bool repeated = false;
};

struct CommandEntry {
  std::string name;  // empty: the program itself
  std::string group;
  std::string summary;  // one line
  std::string usage;    // "ferrum run [OPTIONS] [MODEL] [PROMPT]"
  std::vector<OptionEntry> arguments;
  std::vector<OptionEntry> options;
  std::string explanation;            // paragraphs; may be empty
  std::vector<std::string> examples;  // lines; what follows # is a remark
};

struct Manual {
  std::string version;
  CommandEntry program;                // its options may stand behind every command
  std::vector<CommandEntry> commands;  // in the order of their groups
};

CommandEntry command_entry(const CLI::App& command);
Manual manual_of(const CLI::App& app);

// Without its line breaks, which are where the source needed them; paragraphs stay apart.
std::vector<std::string> paragraphs_of(const std::string& text);

}  // namespace ferrum::cli
